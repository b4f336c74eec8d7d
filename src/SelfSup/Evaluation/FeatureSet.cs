using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>
/// The features of a set of images and their labels: all that kNN and the probes see. Computed once, used by all.
/// </summary>
internal sealed class FeatureSet : LabelSet, IDisposable
{
    /// <param name="name">What these are the features of, for messages.</param>
    /// <param name="features">[M, F], float32 or float64; the set takes it over and disposes it.</param>
    /// <param name="labels">One per image, from 0; -1 where there is none.</param>
    /// <param name="classNames">The name of every label, or null where the classes have none.</param>
    /// <param name="samples">The index of every image in its source; null where that is its row.</param>
    /// <exception cref="DataException">There are no images, or a feature is not finite.</exception>
    public FeatureSet(
        string name,
        Tensor features,
        IReadOnlyList<long> labels,
        IReadOnlyList<string>? classNames = null,
        IReadOnlyList<long>? samples = null)
        : base(name, labels, classNames)
    {
        if (features.dim() != 2 || features.shape[0] != labels.Count)
        {
            throw new ArgumentException(
                $"features must be [{labels.Count}, F], one row per label, are [{string.Join(", ", features.shape)}]",
                nameof(features));
        }

        RequireFinite(name, features);
        Samples = samples ?? [.. Enumerable.Range(0, labels.Count).Select(row => (long)row)];
        Features = features.DetachFromDisposeScope();
    }

    /// <summary>The features, [M, F].</summary>
    public Tensor Features { get; }

    /// <summary>The index of every image in its source: without those that could not be read, that is not its row.</summary>
    public IReadOnlyList<long> Samples { get; }

    /// <summary>Fails where features of another set cannot be compared with these.</summary>
    /// <exception cref="DataException">They differ in width or type.</exception>
    public void RequireLike(FeatureSet other)
    {
        static string Describe(FeatureSet set) => $"{set.Features.dtype} of width {set.Features.shape[1]}";
        if (Features.shape[1] != other.Features.shape[1] || Features.dtype != other.Features.dtype)
        {
            throw new DataException(
                $"{other.Name}: features are {Describe(other)}, must be {Describe(this)} like those of {Name}; " +
                "compute both with one encoder");
        }
    }

    /// <summary>
    /// The labels of another set in terms of this one's classes. Labels are matched by class name: a folder that lacks a class
    /// would otherwise number the classes after it differently. They are matched by number where one of the sets has no names.
    /// </summary>
    /// <param name="other">The other set, all of it labelled.</param>
    /// <returns>The classes of both, this set's first, and the other's labels as places among them.</returns>
    public (IReadOnlyList<string> ClassNames, IReadOnlyList<long> Labels) Match(FeatureSet other)
    {
        if (!HasClassNames || !other.HasClassNames)
        {
            var (named, bare) = other.HasClassNames ? (other, this) : (this, other);
            return ([.. named.ClassNames, .. bare.ClassNames.Skip(named.ClassNames.Count)], other.Labels);
        }

        return other.LabelsAmong(ClassNames);
    }

    /// <summary>The labels of this set, all of it labelled, in terms of other classes, by name.</summary>
    /// <param name="classes">The classes.</param>
    /// <returns>Those classes and then this set's own, and this set's labels as places among them.</returns>
    public (IReadOnlyList<string> ClassNames, IReadOnlyList<long> Labels) LabelsAmong(IReadOnlyList<string> classes)
    {
        string[] names = [.. classes, .. ClassNames.Except(classes)];
        var places = names.Select((name, place) => (name, (long)place)).ToDictionary();
        return (names, [.. Labels.Select(label => places[ClassNames[(int)label]])]);
    }

    /// <inheritdoc/>
    public void Dispose() => Features.Dispose();

    private static void RequireFinite(string name, Tensor features)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // A row's sum is finite where all of it is (short of 1e38), and takes no memory of the features' size.
        var bad = features.sum(1).isfinite().logical_not();
        var count = bad.sum().item<long>();
        if (count > 0)
        {
            var first = bad.nonzero().min().item<long>();
            throw new DataException(
                $"{name}: the features of {count} of {features.shape[0]} images (the first is image {first}) are " +
                "NaN or infinite, must be finite; the encoder has diverged or the images are not normalised");
        }
    }
}
