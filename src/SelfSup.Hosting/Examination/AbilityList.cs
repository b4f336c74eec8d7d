using System.Globalization;

using SelfSup.Distributed;

namespace SelfSup.Hosting.Examination;

/// <summary>Says what works on a machine.</summary>
internal static class AbilityList
{
    public static IReadOnlyList<Ability> Of(MachineState state) =>
        [Cpu(state), Gpu(state), CpuRanks(state), Gpus(state), Machines(state)];

    private static Ability Cpu(MachineState state)
    {
        const string Name = "train on the CPU";
        return state.Torch.IsUsable
            ? new Ability(Name, true, state.Host.Cores == 1 ? "1 core" : $"{state.Host.Cores} cores")
            : new Ability(Name, false, "libtorch does not load", TorchFindings.Advice);
    }

    private static Ability Gpu(MachineState state)
    {
        const string Name = "train on a GPU";
        if (state.Torch.DeviceFailure is { } failure)
        {
            return new Ability(Name, false, failure, "use a libtorch that is built for these GPUs, and look at nvidia-smi");
        }

        if (state.Torch.Devices.Count > 0)
        {
            return new Ability(Name, true, state.Torch.Devices[0]);
        }

        var (because, advice) = CudaFindings.WhyNone(state);
        return new Ability(Name, false, because, advice);
    }

    private static Ability CpuRanks(MachineState state)
    {
        const string Name = "several CPU ranks here";
        if (!state.Torch.IsUsable)
        {
            return new Ability(Name, false, "libtorch does not load", TorchFindings.Advice);
        }

        if (Starter(state) is { } program)
        {
            return new Ability(
                Name, true, $"--devices cpu:{Math.Max(2, state.Host.Cores)}, by {program.Name} and {state.MpiFor(program.Family)!.Version}");
        }

        var (because, advice) = NoStarter(state);
        return new Ability(Name, false, because, advice);
    }

    private static Ability Gpus(MachineState state)
    {
        const string Name = "several GPUs here";
        var count = state.Torch.Devices.Count;
        if (count == 0 || state.Torch.DeviceFailure is not null)
        {
            var gpu = Gpu(state);
            return gpu with { Name = Name };
        }

        if (count == 1)
        {
            return new Ability(Name, false, "there is one", "ranks cannot share a GPU; use a machine with more");
        }

        return state.Nccl.IsUsable
            ? new Ability(
                Name,
                true,
                $"--devices {string.Join(',', Enumerable.Range(0, count).Select(i => i.ToString(CultureInfo.InvariantCulture)))}, by NCCL {state.Nccl.Version}")
            : new Ability(Name, false, $"{state.Nccl.Name}: {state.Nccl.Failure}", CudaFindings.NcclAdvice);
    }

    private static Ability Machines(MachineState state)
    {
        const string Name = "several machines";
        var ways = new List<string>();
        if (state.Torch.Devices.Count > 0 && state.Torch.DeviceFailure is null && state.Nccl.IsUsable)
        {
            ways.Add("GPUs with torchrun's variables (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT on each)");
        }

        if (state.Torch.IsUsable && Starter(state) is { } program)
        {
            ways.Add($"{program.Name} with a list of hosts");
        }

        if (state.Torch.IsUsable && state.Launchers.Any(l => l.Family == Launcher.Slurm) && state.MpiFor(Launcher.Slurm) is not null)
        {
            ways.Add("srun");
        }

        if (ways.Count > 0)
        {
            return new Ability(Name, true, string.Join(", or ", ways) + "; run doctor on each: they must be alike");
        }

        var (because, advice) = state.Torch.IsUsable ? NoStarter(state) : ("libtorch does not load", TorchFindings.Advice);
        return new Ability(Name, false, because, advice);
    }

    /// <summary>The program that starts ranks of MPI here: the first that finds its library.</summary>
    private static LauncherProgram? Starter(MachineState state) =>
        state.Launchers.FirstOrDefault(program => program.IsMpi && MpiFindings.Hindrance(state, program) is null);

    private static (string Because, string Advice) NoStarter(MachineState state) =>
        state.Launchers.FirstOrDefault(program => program.IsMpi) is { } program
            ? MpiFindings.Hindrance(state, program)!.Value
            : MpiFindings.NoProgram(state);
}
