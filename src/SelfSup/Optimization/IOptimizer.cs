using SelfSup.Checkpoints;

namespace SelfSup.Optimization;

/// <summary>
/// Changes the values of <see cref="FlatParameters"/> by their gradients. Implementations are marked
/// <see cref="Catalogs.NamedAttribute"/> and have a constructor <c>(TOptions, FlatParameters)</c>.
/// </summary>
internal interface IOptimizer : IStateful, IDisposable
{
    /// <summary>One update. The gradients are read, not cleared.</summary>
    void Step(double learningRate);
}
