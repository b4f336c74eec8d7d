using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Export;
using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>
/// Weights of another training that a new run's encoders begin with: what fits by name and shape. Unlike a resumed run it takes
/// nothing else over, no optimizer state, no queue, no step.
/// </summary>
internal sealed class WarmStart : IDisposable
{
    // Where a run's state has its encoder.
    private const string EncoderOfRun = "run.method.encoder.";
    private const string Parameters = "parameters.";
    private const string Backbone = "backbone.";

    private readonly Dictionary<string, (string Name, Tensor Value)> _tensors; // by the encoder's names, with those of the source
    private readonly string _from;
    private readonly long? _step;
    private bool _freshHead;

    private WarmStart(string from, long? step, IEnumerable<(string Name, string Encoder, Tensor Value)> tensors)
    {
        (_from, _step) = (from, step);
        _tensors = tensors.ToDictionary(t => t.Encoder, t => (t.Name, t.Value));
    }

    /// <summary>Reads the weights.</summary>
    /// <param name="path">What <c>init.from</c> names.</param>
    /// <param name="warn">Told of a run's newer checkpoints that are damaged.</param>
    /// <exception cref="RecipeException">There is no such run or file.</exception>
    /// <exception cref="CheckpointException">It is damaged, or has no weights yet.</exception>
    public static WarmStart Load(string path, Action<string> warn)
    {
        var place = Find(path);
        if (place.Checkpoint is { } checkpoint)
        {
            return OfState(path, CheckpointStore.Load(checkpoint));
        }

        if (place.Run is not null && place.Checkpoints.LoadLatest(
            damaged => warn($"init.from: {damaged.Message}; the one before is used")) is { } newest)
        {
            return OfState(path, newest);
        }

        return OfFile(path, place.File ?? throw place.NoCheckpoint);
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
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (name, value) in encoder.State)
        {
            if (Takes(encoder, name) && _tensors.TryGetValue(name, out var source) && source.Value.shape.SequenceEqual(value.shape))
            {
                value.copy_(source.Value);
            }
        }
    }

    /// <summary>What fits an encoder and what does not.</summary>
    /// <exception cref="RecipeException">Nothing of its backbone does.</exception>
    public WarmFit Fit(Encoder encoder)
    {
        var here = encoder.State.Where(t => !IsCounter(t.Name) && Takes(encoder, t.Name)).ToDictionary(t => t.Name, t => t.Value);
        var there = _tensors.Where(t => !IsCounter(t.Key) && Takes(encoder, t.Key)).ToDictionary();
        string[] both = [.. here.Keys.Where(there.ContainsKey)];
        string[] other = [.. both.Where(name => !here[name].shape.SequenceEqual(there[name].Value.shape))];
        if (!both.Except(other).Any(name => name.StartsWith(Backbone, StringComparison.Ordinal)))
        {
            throw new RecipeException(
                $"init.from: {_from}: no tensor of it fits the encoder's backbone; it has {First(there.Select(t => (t.Key, t.Value.Value)))}, the "
                + $"backbone has {First(here.Select(t => (t.Key, t.Value)))}; name weights of the same architecture");
        }

        return new WarmFit(_from, _step, both.Length - other.Length, there.Count)
        {
            OtherShape = [.. other.Select(name => $"{name} {Shape(there[name].Value)} there, {Shape(here[name])} here")],
            Absent = [.. here.Keys.Where(name => !there.ContainsKey(name))],
            Unused = [.. there.Where(t => !here.ContainsKey(t.Key)).Select(t => t.Value.Name)],
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, value) in _tensors.Values)
        {
            value.Dispose();
        }

        _tensors.Clear();
    }

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

    private static WarmStart OfState(string path, (CheckpointManifest Manifest, StateArchive State) checkpoint)
    {
        var (of, others) = (new List<(string, string, Tensor)>(), new List<Tensor>());
        foreach (var (key, value) in checkpoint.State.Entries)
        {
            if (key.StartsWith(EncoderOfRun, StringComparison.Ordinal))
            {
                var name = key[EncoderOfRun.Length..];
                name = name.StartsWith(Parameters, StringComparison.Ordinal) ? name[Parameters.Length..] : name;
                of.Add((name, name, value));
            }
            else
            {
                others.Add(value);
            }
        }

        others.ForEach(value => value.Dispose()); // optimizer state and stores: as much again, and more
        return new WarmStart(path, checkpoint.Manifest.Step, of);
    }

    /// <summary>A backbone has the names of torchvision or timm there; layers of the head that stayed on it have ours.</summary>
    private static WarmStart OfFile(string path, string file) => new(path, null, SafeTensors.Read(file, out _)
        .Where(t => !BackboneFile.IsDouble(t.Key))
        .Select(t => (t.Key, t.Key.StartsWith("head.layers.", StringComparison.Ordinal) ? t.Key : Backbone + t.Key, t.Value)));

    /// <summary>How many batches a normalisation has seen is no weight, and older files do not have it.</summary>
    private static bool IsCounter(string name) => name.EndsWith(".num_batches_tracked", StringComparison.Ordinal);

    private static string First(IEnumerable<(string Name, Tensor Value)> tensors) => string.Join(", ", tensors
        .Where(t => t.Name.StartsWith(Backbone, StringComparison.Ordinal))
        .Take(3)
        .Select(t => $"{t.Name[Backbone.Length..]} {Shape(t.Value)}")
        .DefaultIfEmpty("none"));

    private static string Shape(Tensor value) => $"[{string.Join(", ", value.shape)}]";
}
