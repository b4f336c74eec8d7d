using System.Runtime.InteropServices;

namespace SelfSup.Hosting;

/// <summary>How a hosted run ended.</summary>
public sealed class RunOutcome
{
    /// <summary>The error that ended it, or null.</summary>
    public Exception? Error { get; internal set; }

    /// <summary>Whether all steps are done; false where it was told to stop.</summary>
    public bool Finished { get; internal set; }

    /// <summary>The signal that told it to stop, or null; the lifetimes of other hosts than the command line do not tell.</summary>
    public PosixSignal? Signal { get; internal set; }

    /// <summary>Whether it came so far as to train; false where it was told to stop, or failed, before.</summary>
    internal bool Began { get; set; }

    /// <summary>Whether the ranks of the run know of one another; true with one only when it began.</summary>
    internal bool Joined { get; set; }

    /// <summary>Steps done.</summary>
    public long Step { get; internal set; }

    /// <summary>What <c>result.json</c> holds, where the run is finished.</summary>
    public IReadOnlyDictionary<string, object?> Result { get; internal set; } = new Dictionary<string, object?>();
}
