using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>What objectives share that add a margin to the angle with the own class (SphereFace, CosFace, ArcFace and their kin).</summary>
/// <param name="options">What all with proxies have.</param>
/// <param name="context">What the run gives to it.</param>
/// <param name="centres">C, proxies of a class.</param>
internal abstract class MarginObjective(ProxyOptions options, ObjectiveContext context, int centres = 1) : ProxyObjective(options, context, centres)
{
    /// <inheritdoc/>
    public sealed override bool IsOfSingles => true;

    /// <summary>Uniform by Glorot and Bengio, as implementations of these losses have it.</summary>
    protected sealed override void Initialise(Tensor proxies) => nn.init.xavier_uniform_(proxies);
}
