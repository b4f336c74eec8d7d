namespace SelfSup.IntegrationTests.Support;

/// <summary>What runs of <see cref="FaultyMethod"/> would have been without a fault, once for all tests of a class.</summary>
public sealed class UndisturbedRun : IDisposable
{
    private readonly FaultyWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    /// <summary>The files of the one with such settings, which are part of what a backbone is exported with.</summary>
    internal RunFiles With(params string[] settings)
    {
        var name = settings.Length == 0 ? "run" : string.Join("_", settings.Where(setting => setting != "--set"));
        if (!Directory.Exists(_workspace[name]))
        {
            _workspace.Pretrain(name, settings).Succeeds();
        }

        return _workspace.Files(name);
    }
}
