using SelfSup.Errors;

namespace SelfSup.Hosting.Examination;

/// <summary>What was found of a machine and a process, and what works there.</summary>
/// <param name="Groups">The facts.</param>
/// <param name="Abilities">What follows from them; training on the CPU first.</param>
internal sealed record MachineReport(IReadOnlyList<FindingGroup> Groups, IReadOnlyList<Ability> Abilities)
{
    /// <summary>Whether something that was set up does not work, or training does not even work on the CPU.</summary>
    public bool IsBroken => !Abilities[0].Works || Groups.Any(group => group.Findings.Any(finding => finding.State == FindingState.Wrong));

    /// <summary>0, or that of <see cref="CommunicationException"/>.</summary>
    public int ExitCode => IsBroken ? new CommunicationException("").ExitCode : 0;

    /// <summary>Judges what was found.</summary>
    public static MachineReport Of(MachineState state) => new(
        [
            HostFindings.Of(state.Host),
            TorchFindings.Of(state),
            CudaFindings.Of(state),
            MpiFindings.Of(state),
            RankFindings.Of(state),
        ],
        AbilityList.Of(state));
}
