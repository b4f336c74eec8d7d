using System.Collections;
using System.Diagnostics;

using SelfSup.Distributed;

namespace SelfSup.Hosting.Examination;

/// <summary>Finds out what a machine has.</summary>
internal static class MachineExaminer
{
    /// <summary>Looks at this machine and the environment of this process.</summary>
    /// <param name="program">How to start this program with arguments: libraries are loaded by processes that may crash.</param>
    public static MachineState Examine(Func<string[], ProcessStartInfo> program)
    {
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "");
        var probe = new ProbeProcess(program);
        var host = new HostSearch("/");
        var named = variables.GetValueOrDefault(Mpi.Variable) is { Length: > 0 } name ? name : null;

        var torch = Task.Run(() => probe.Ask(LibraryProbe.Torch, "libtorch"));
        var nccl = Task.Run(() => Nccl(probe, variables));
        string[] candidates = [.. Mpi.Candidates(Launcher.None)];
        var libraries = (named is null || candidates.Contains(named) ? candidates : [named, .. candidates])
            .Select(library => Task.Run(() => probe.Ask(LibraryProbe.Mpi, library)))
            .ToArray();
        var launchers = LauncherSearch.Find(variables.GetValueOrDefault("PATH"));
        return new MachineState
        {
            Host = host.Host(),
            Variables = variables,
            Torch = torch.GetAwaiter().GetResult(),
            Mpi = [.. libraries.Select(library => library.GetAwaiter().GetResult())],
            Nccl = nccl.GetAwaiter().GetResult(),
            Launchers = launchers,
            NvidiaDevices = host.NvidiaDevices(),
            NvidiaDriver = host.NvidiaDriver(),
        };
    }

    /// <summary>The NCCL that is named, or the first that can be used; where none can, what there is to say of the first.</summary>
    private static LibraryAnswer Nccl(ProbeProcess probe, Dictionary<string, string> variables)
    {
        if (variables.GetValueOrDefault(Distributed.Nccl.Variable) is { Length: > 0 } named)
        {
            return probe.Ask(LibraryProbe.Nccl, named);
        }

        LibraryAnswer? first = null;
        foreach (var candidate in Distributed.Nccl.Candidates(variables.GetValueOrDefault("SELFSUP_LIBTORCH") is { Length: > 0 } folder ? folder : null))
        {
            var answer = probe.Ask(LibraryProbe.Nccl, candidate);
            if (answer.IsUsable)
            {
                return answer;
            }

            first = first is null or { IsAbsent: true } && !answer.IsAbsent ? answer : first ?? answer;
        }

        return first!;
    }
}
