namespace SelfSup.Cli;

/// <summary>Exit codes that are not those of an exception.</summary>
internal static class ExitCodes
{
    public const int Success = 0;

    /// <summary>A bug of ours.</summary>
    public const int Bug = 1;

    /// <summary>A flag or argument is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Ended by Ctrl-C; the same command goes on.</summary>
    public const int Interrupted = 130;

    /// <summary>Ended by SIGTERM; the same command goes on.</summary>
    public const int Terminated = 143;
}
