using System.CommandLine;
using System.Text;

namespace SelfSup.Cli;

/// <summary><c>selfsup stacks PID</c>.</summary>
internal static class StacksCommand
{
    /// <summary>Waits for a line on standard input first: until then the process may not be looked into.</summary>
    public const string WhenTold = "--when-told";

    public static Command Create()
    {
        var process = new Argument<int>("pid") { Description = "The process, as in RUN/run.holder" };
        var output = new Option<string?>("--out") { Description = "Writes them into a file", HelpName = "file" };
        var whenTold = new Option<bool>(WhenTold) { Hidden = true };
        var command = new Command(
            "stacks",
            "Says where all managed threads of a .NET process stand, such as a run that no longer moves. The process is held for less than " +
            "a second and goes on. Example: selfsup stacks 12345")
        {
            process, output, whenTold,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(output);
            CommonOptions.RequireFolder("--out", path);
            if (parsed.GetValue(whenTold))
            {
                Console.In.ReadLine();
            }

            var text = ManagedStacks.Of(parsed.GetRequiredValue(process));
            if (path is null)
            {
                Console.Out.Write(text);
            }
            else
            {
                CommonOptions.Write("--out", path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
            }
        });
        return command;
    }
}
