using System.CommandLine;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Hosting.Examination;

namespace SelfSup.Cli;

/// <summary><c>selfsup doctor</c>: what is here, and what is missing for what.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Prints JSON" };
        var command = new Command(
            "doctor",
            "Says what this machine and this process have for training (libtorch, GPUs, NCCL, MPI, the variables of launchers), what " +
            "works with it and what is missing for what. The exit code is 6 where something that was set up does not work. " +
            "Example: selfsup doctor; under a launcher: mpirun -np 2 selfsup doctor")
        {
            json,
        };
        command.SetAction(parsed =>
        {
            var report = MachineReport.Of(MachineExaminer.Examine(arguments => OwnProgram.With(arguments)));
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(Json(report), CheckpointManifest.Json));
            }
            else
            {
                DoctorPrinter.Print(report);
            }

            return report.ExitCode;
        });
        return command;
    }

    private static object Json(MachineReport report) => new
    {
        report.IsBroken,
        Groups = report.Groups.ToDictionary(
            group => group.Name,
            group => group.Findings.Select(f => new { f.Name, State = f.State.ToString().ToLowerInvariant(), f.Value, f.Advice })),
        Works = report.Abilities,
    };
}
