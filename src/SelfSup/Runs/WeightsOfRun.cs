using SelfSup.Checkpoints;
using SelfSup.Export;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>The weights of a run's encoder, from a checkpoint.</summary>
internal sealed class WeightsOfRun : IWeights
{
    /// <summary>Where a run's state has its encoder.</summary>
    public const string Encoder = "run.method.encoder.";

    /// <summary>Where an encoder's state has its parameters.</summary>
    public const string Parameters = "parameters.";

    private readonly Dictionary<string, Tensor> _tensors = [];

    /// <summary>Takes the weights out of a run's state, and lets go of the rest.</summary>
    public WeightsOfRun(StateArchive state)
    {
        foreach (var (key, value) in state.Entries)
        {
            if (key.StartsWith(Encoder, StringComparison.Ordinal))
            {
                var name = key[Encoder.Length..];
                _tensors.Add(name.StartsWith(Parameters, StringComparison.Ordinal) ? name[Parameters.Length..] : name, value);
            }
            else
            {
                value.Dispose(); // optimizer state and stores: as much again, and more
            }
        }
    }

    /// <inheritdoc/>
    public string? Layout => null;

    /// <inheritdoc/>
    public IReadOnlyList<string> Elsewhere => [];

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, (string Name, long[] Shape)> For(Encoder encoder) =>
        _tensors.ToDictionary(t => t.Key, t => (t.Key, t.Value.shape));

    /// <inheritdoc/>
    public IReadOnlyList<string> Deeper(Encoder encoder) =>
        [.. LayoutMatch.DeeperOf(_tensors.Keys.Where(IsOfBackbone), encoder.State.Select(t => t.Name).Where(IsOfBackbone))];

    /// <inheritdoc/>
    public Tensor Read(string name) => _tensors[name];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in _tensors.Values)
        {
            value.Dispose();
        }

        _tensors.Clear();
    }

    private static bool IsOfBackbone(string name) => name.StartsWith("backbone.", StringComparison.Ordinal);
}
