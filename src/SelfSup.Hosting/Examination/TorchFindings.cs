namespace SelfSup.Hosting.Examination;

/// <summary>Says how libtorch stands.</summary>
internal static class TorchFindings
{
    /// <summary>What to do where libtorch is broken.</summary>
    internal const string Advice =
        "build with -p:TorchBackend=cpu or cuda, or let SELFSUP_LIBTORCH name the folder of an installed libtorch 2.10, such as " +
        "site-packages/torch/lib";

    public static FindingGroup Of(MachineState state) => new("libtorch", [.. Findings(state)]);

    private static IEnumerable<Finding> Findings(MachineState state)
    {
        if (state.Torch.Failure is { } failure)
        {
            yield return Finding.Wrong("library", failure, Advice);
            yield break;
        }

        var from = state.NamedTorch is null ? "" : " (by SELFSUP_LIBTORCH)";
        yield return Finding.Ok("library", $"{state.Torch.Path}{from}");
        yield return Finding.Ok("version", $"{state.Torch.Version}, {(state.Torch.IsForCuda ? "for CUDA" : "for the CPU")}");
        if (state.Torch.Capability is { } capability)
        {
            yield return Finding.Ok("instructions", capability);
        }
    }
}
