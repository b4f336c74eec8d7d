using Microsoft.Extensions.Logging;

using SelfSup.Errors;
using SelfSup.Training;

namespace SelfSup.Hosting;

/// <summary>What a host other than the command line does about a run that hangs: it cannot look into itself.</summary>
internal sealed partial class HostHangResponse(ILogger<HostHangResponse> logger) : IHangResponse
{
    /// <inheritdoc/>
    public string WriteStacks(string path) => $"selfsup stacks {Environment.ProcessId} says where its threads stand";

    /// <inheritdoc/>
    public void End(TrainingException error)
    {
        Ends(error.Message);
        Signals.EndProcess(error.ExitCode);
    }

    [LoggerMessage(1, LogLevel.Critical, "{Message}")]
    private partial void Ends(string message);
}
