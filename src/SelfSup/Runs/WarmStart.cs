using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Export;
using SelfSup.Models;
using SelfSup.Tensors;

namespace SelfSup.Runs;

/// <summary>
/// Weights of another training that a new run's encoders begin with: what fits by name and shape. Unlike a resumed run it takes
/// nothing else over, no optimizer state, no queue, no step.
/// </summary>
internal sealed class WarmStart : IDisposable
{
    private const string Backbone = "backbone.";

    private readonly IWeights _weights;
    private readonly string _from;
    private readonly long? _step;
    private bool _freshHead;

    private WarmStart(string from, long? step, IWeights weights) => (_from, _step, _weights) = (from, step, weights);

    /// <summary>Reads the weights.</summary>
    /// <param name="path">What <c>init.from</c> names.</param>
    /// <param name="warn">Told of a run's newer checkpoints that are damaged.</param>
    /// <param name="prefix">The beginning of the names in a file of several networks; null to look for it.</param>
    /// <exception cref="RecipeException">There is no such run or file.</exception>
    /// <exception cref="CheckpointException">It is damaged, or has no weights yet.</exception>
    public static WarmStart Load(string path, Action<string> warn, string? prefix = null)
    {
        var place = Find(path);
        if (place.Run is not null && prefix is not null)
        {
            throw new RecipeException($"init.prefix: has no effect for a run such as {path}, whose names are known; leave it out");
        }

        if (place.Checkpoint is { } checkpoint)
        {
            return OfState(path, CheckpointStore.Load(checkpoint));
        }

        if (place.Run is not null && place.Checkpoints.LoadLatest(
            damaged => warn($"init.from: {damaged.Message}; the one before is used")) is { } newest)
        {
            return OfState(path, newest);
        }

        return new WarmStart(path, null, new WeightsOfFile(TensorFile.Open(place.File ?? throw place.NoCheckpoint), prefix));
    }

    /// <summary>Leaves the head's weights out, but for layers that stay on the backbone.</summary>
    /// <returns>Itself.</returns>
    public WarmStart WithFreshHead()
    {
        _freshHead = true;
        return this;
    }

    /// <summary>Gives an encoder what fits.</summary>
    public void ApplyTo(Encoder encoder)
    {
        var there = _weights.For(encoder);
        foreach (var (name, value) in encoder.State)
        {
            if (Takes(encoder, name) && there.TryGetValue(name, out var source) && LayoutMatch.Fits(name, source.Shape, value.shape))
            {
                BackboneFile.Copy(_weights.Read(source.Name), value);
            }
        }
    }

    /// <summary>What fits an encoder and what does not.</summary>
    /// <exception cref="RecipeException">Nothing of its backbone does.</exception>
    public WarmFit Fit(Encoder encoder)
    {
        var here = encoder.State.Where(t => !BackboneFile.IsCounter(t.Name) && Takes(encoder, t.Name)).ToDictionary(t => t.Name, t => t.Value.shape);
        var there = _weights.For(encoder).Where(t => !BackboneFile.IsCounter(t.Key) && Takes(encoder, t.Key)).ToDictionary();
        string[] both = [.. here.Keys.Where(there.ContainsKey)];
        string[] other = [.. both.Where(name => !LayoutMatch.Fits(name, there[name].Shape, here[name]))];
        if (!both.Except(other).Any(name => name.StartsWith(Backbone, StringComparison.Ordinal)))
        {
            throw new RecipeException(
                $"init.from: {_from}: no tensor of it fits the encoder's backbone; it has {First(there.Select(t => (t.Value.Name, t.Value.Shape)))}, the "
                + $"backbone has {First(here.Where(t => t.Key.StartsWith(Backbone, StringComparison.Ordinal)).Select(t => (t.Key, t.Value)))}; "
                + "name weights of the same architecture");
        }

        string[] deeper = [.. _weights.Deeper(encoder)];
        return new WarmFit(_from, _step, both.Length - other.Length, there.Count)
        {
            Layout = _weights.Layout,
            OtherShape = [.. other.Select(name => $"{name} {TensorFacts.Text(there[name].Shape)} there, {TensorFacts.Text(here[name])} here")],
            Interpolated =
            [
                .. both.Except(other).Where(name => !there[name].Shape.AsSpan().SequenceEqual(here[name]))
                    .Select(name => $"{name} from {Grid(there[name].Shape)} to {Grid(here[name])} patches"),
            ],
            Absent = [.. here.Keys.Where(name => !there.ContainsKey(name))],
            Deeper = deeper,
            Unused = [.. there.Where(t => !here.ContainsKey(t.Key)).Select(t => t.Value.Name).Except(deeper)],
            Elsewhere = _weights.Elsewhere,
        };
    }

    /// <inheritdoc/>
    public void Dispose() => _weights.Dispose();

    private bool Takes(Encoder encoder, string name) =>
        !_freshHead || !name.StartsWith("head.", StringComparison.Ordinal) || encoder.IsOfBackbone(name);

    private static WeightPlace Find(string path)
    {
        try
        {
            return WeightPlace.Find(path);
        }
        catch (RecipeException e)
        {
            throw new RecipeException($"init.from: {e.Message}");
        }
    }

    private static WarmStart OfState(string path, (CheckpointManifest Manifest, StateArchive State) checkpoint) =>
        new(path, checkpoint.Manifest.Step, new WeightsOfRun(checkpoint.State));

    private static string Grid(long[] positions) => $"{PositionGrid.Side(positions)} x {PositionGrid.Side(positions)}";

    private static string First(IEnumerable<(string Name, long[] Shape)> tensors) => string.Join(", ", tensors
        .Take(3)
        .Select(t => $"{(t.Name.StartsWith(Backbone, StringComparison.Ordinal) ? t.Name[Backbone.Length..] : ShownText.Of(t.Name))} {TensorFacts.Text(t.Shape)}")
        .DefaultIfEmpty("none"));
}
