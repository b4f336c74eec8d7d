using System.Globalization;

namespace SelfSup.Hosting.Examination;

/// <summary>Says how GPUs, their driver and NCCL stand.</summary>
internal static class CudaFindings
{
    /// <summary>What to do where there is no NCCL.</summary>
    internal const string NcclAdvice =
        $"install libnccl2, or let {Distributed.Nccl.Variable} name the libnccl.so.2 of a PyTorch (site-packages/nvidia/nccl/lib)";

    /// <summary>The oldest driver on which CUDA 12 runs.</summary>
    private static readonly Version _oldestDriver = new(525, 60, 13);

    public static FindingGroup Of(MachineState state) => new("GPUs", [.. Findings(state)]);

    /// <summary>What hinders libtorch from seeing the GPUs.</summary>
    internal static (string Because, string Advice) WhyNone(MachineState state)
    {
        if (!state.Torch.IsUsable)
        {
            return ("libtorch does not load", TorchFindings.Advice);
        }

        if (state.NvidiaDevices.Count == 0)
        {
            return state.NvidiaDriver is null
                ? ("there is no NVIDIA GPU here", "use a machine that has one; in a container, start it with --gpus all")
                : ("the driver is loaded and there is no /dev/nvidia0", "start the container with --gpus all, or run nvidia-modprobe");
        }

        if (!state.Torch.IsForCuda)
        {
            return (
                "this libtorch is for the CPU",
                "build with -p:TorchBackend=cuda, or let SELFSUP_LIBTORCH name the libraries of a PyTorch 2.10 with CUDA");
        }

        if (state.Variables.TryGetValue("CUDA_VISIBLE_DEVICES", out var visible))
        {
            return ($"CUDA_VISIBLE_DEVICES={visible} leaves none", "unset it, or let it name GPUs that are there, such as 0,1");
        }

        return IsOld(state.NvidiaDriver)
            ? ($"driver {state.NvidiaDriver} is too old", $"install NVIDIA's driver {_oldestDriver} or newer")
            : ("libtorch sees none", "look at nvidia-smi: it must list them");
    }

    private static IEnumerable<Finding> Findings(MachineState state)
    {
        if (state.NvidiaDriver is { } driver)
        {
            yield return IsOld(driver)
                ? Finding.Wrong("driver", $"{driver}, must be {_oldestDriver} or newer for CUDA 12", "install a newer driver of NVIDIA's")
                : Finding.Ok("driver", driver);
        }
        else
        {
            yield return Finding.Missing("driver", "NVIDIA's kernel driver is not loaded; needed for GPUs");
        }

        if (state.NvidiaDevices.Count > 0)
        {
            yield return Finding.Ok("devices", string.Join(", ", state.NvidiaDevices));
        }

        for (var i = 0; i < state.Torch.Devices.Count; i++)
        {
            yield return Finding.Ok(i.ToString("'cuda:'0", CultureInfo.InvariantCulture), state.Torch.Devices[i]);
        }

        if (state.Torch.DeviceFailure is { } failure)
        {
            yield return Finding.Wrong("computing", failure, "use a libtorch that is built for these GPUs, and look at nvidia-smi");
        }
        else if (state.Torch.Devices.Count == 0)
        {
            var (because, advice) = WhyNone(state);
            // A libtorch for CUDA beside GPUs was set up to be used.
            yield return state.Torch.IsForCuda && state.NvidiaDevices.Count > 0
                ? Finding.Wrong("CUDA", because, advice)
                : Finding.Missing("CUDA", because, advice);
        }

        yield return Nccl(state);
    }

    private static Finding Nccl(MachineState state)
    {
        var nccl = state.Nccl;
        if (nccl.IsUsable)
        {
            return Finding.Ok("NCCL", $"{nccl.Version}, {nccl.Path}");
        }

        if (state.NamedNccl is { } named)
        {
            return Finding.Wrong("NCCL", $"{Distributed.Nccl.Variable}={named}: is no NCCL ({nccl.Failure})", "name the file, such as libnccl.so.2, or unset it");
        }

        var text = $"{nccl.Name}: {nccl.Failure}; needed for several GPUs";
        return nccl.IsAbsent || state.Torch.Devices.Count < 2
            ? Finding.Missing("NCCL", text, NcclAdvice)
            : Finding.Wrong("NCCL", text, NcclAdvice);
    }

    private static bool IsOld(string? driver) =>
        driver is not null && Version.TryParse(driver, out var version) && version < _oldestDriver;
}
