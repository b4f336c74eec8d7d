using System.CommandLine;

using SelfSup.Tools.Scaling.Model;

namespace SelfSup.Tools.Scaling;

/// <summary><c>scaling predict</c>: the tables of docs/scaling.md.</summary>
internal static class PredictCommand
{
    public static Command Create()
    {
        var command = new Command("predict", "Prints constants and predictions for 8, 64 and 512 GPUs as Markdown, as docs/scaling.md has them");
        command.SetAction(_ => Console.Write(Predictions.Markdown()));
        return command;
    }
}
