using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>Weights that were trained before, by the names of an encoder.</summary>
internal interface IWeights : IDisposable
{
    /// <summary>Whose layout they are in, and where in the file; null for our own.</summary>
    string? Layout { get; }

    /// <summary>What else is in the file, a line each.</summary>
    IReadOnlyList<string> Elsewhere { get; }

    /// <summary>What there is, by the encoder's names: the name there, and the shape.</summary>
    /// <exception cref="Errors.RecipeException">It cannot be said what of a file is meant.</exception>
    IReadOnlyDictionary<string, (string Name, long[] Shape)> For(Encoder encoder);

    /// <summary>Names there of numbered layers of the backbone that the encoder does not have.</summary>
    IReadOnlyList<string> Deeper(Encoder encoder);

    /// <summary>A tensor by its name there. It stays its owner's.</summary>
    Tensor Read(string name);
}
