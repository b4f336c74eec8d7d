using SelfSup.Errors;

namespace SelfSup.Cli;

/// <summary>What the user sees of an error: one line for each thing to mend, a stack trace only for a bug of ours.</summary>
internal static class ErrorReport
{
    /// <summary>Says what stops nothing, on stderr.</summary>
    public static void Warn(string message) => Console.Error.WriteLine($"selfsup: warning: {message}");

    /// <summary>Prints an error.</summary>
    /// <returns>The exit code.</returns>
    public static int Print(Exception error, TextWriter output)
    {
        switch (error)
        {
            case RecipeException recipe:
                foreach (var violation in recipe.Violations)
                {
                    output.WriteLine($"selfsup: {violation}");
                }

                return recipe.ExitCode;
            case SelfSupException known:
                output.WriteLine($"selfsup: {known.Message.ReplaceLineEndings(" ")}");
                return known.ExitCode;
            default:
                output.WriteLine($"selfsup: this is a bug in SelfSup, please report it with what follows:");
                output.WriteLine(error);
                return ExitCodes.Bug;
        }
    }
}
