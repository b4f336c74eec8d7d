using System.CommandLine;

namespace SelfSup.Cli;

/// <summary><c>selfsup pretrain RECIPE</c>.</summary>
internal static class PretrainCommand
{
    public static Command Create()
    {
        var command = new Command(
            "pretrain",
            "Trains a backbone as a recipe says. The same command again goes on where it stopped; Ctrl-C and SIGTERM finish the " +
            "step and write a checkpoint first, SIGUSR1 writes one and goes on. Example: selfsup pretrain recipes/quickstart.yaml --set training.epochs=2. " +
            "What a recipe can ask for is listed by selfsup methods");
        var training = TrainingVerb.For(command);
        command.SetAction((parsed, _) => training.Run(parsed, []));
        return command;
    }
}
