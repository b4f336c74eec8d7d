namespace SelfSup.Errors;

/// <summary>
/// An error the user can act on. The message reads <c>where: what it is, what it must be; what to do</c>; the program
/// prints it as one line and ends with <see cref="ExitCode"/>.
/// </summary>
public abstract class SelfSupException(string message, int exitCode, Exception? cause = null)
    : Exception(message, cause)
{
    /// <summary>The exit code of a program that ends with this error.</summary>
    public int ExitCode { get; } = exitCode;
}
