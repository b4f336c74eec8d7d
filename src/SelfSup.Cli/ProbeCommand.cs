using System.CommandLine;

using SelfSup.Hosting.Examination;

namespace SelfSup.Cli;

/// <summary><c>selfsup probe KIND NAME</c>, hidden: how <c>selfsup doctor</c> asks a native library that may crash.</summary>
internal static class ProbeCommand
{
    public static Command Create()
    {
        var kind = new Argument<string>("kind");
        kind.AcceptOnlyFromAmong(LibraryProbe.Torch, LibraryProbe.Mpi, LibraryProbe.Nccl);
        var name = new Argument<string>("name");
        var command = new Command(ProbeProcess.Verb, "Asks a native library what it is") { kind, name };
        command.Hidden = true;
        command.SetAction(parsed => Console.WriteLine(
            ProbeProcess.Text(LibraryProbe.Ask(parsed.GetRequiredValue(kind), parsed.GetRequiredValue(name)))));
        return command;
    }
}
