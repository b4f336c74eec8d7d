using System.Globalization;

using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>
/// The features of a set of images and their labels: all that kNN and the probes see. Computed once, used by all.
/// </summary>
internal sealed class FeatureSet : IDisposable
{
    /// <param name="name">What these are the features of, for messages.</param>
    /// <param name="features">[M, F], float32 or float64; the set takes it over and disposes it.</param>
    /// <param name="labels">One per image, from 0; -1 where there is none.</param>
    /// <param name="classNames">The name of every label, or null where the classes have none.</param>
    /// <exception cref="DataException">There are no images, or a feature is not finite.</exception>
    public FeatureSet(
        string name, Tensor features, IReadOnlyList<long> labels, IReadOnlyList<string>? classNames = null)
    {
        if (features.dim() != 2 || features.shape[0] != labels.Count)
        {
            throw new ArgumentException(
                $"features must be [{labels.Count}, F], one row per label, are [{string.Join(", ", features.shape)}]",
                nameof(features));
        }

        if (labels.Count == 0)
        {
            throw new DataException($"{name}: no images, must be at least one; look at the path and its filter");
        }

        RequireFinite(name, features);
        (Name, Labels, HasClassNames) = (name, [.. labels], classNames is not null);
        var highest = Labels.Max();
        ClassNames = classNames ?? Numerals(highest + 1);
        if (highest >= ClassNames.Count)
        {
            throw new ArgumentException($"label {highest} has no name among {ClassNames.Count}", nameof(classNames));
        }

        Features = features.DetachFromDisposeScope();
    }

    /// <summary>What these are the features of.</summary>
    public string Name { get; }

    /// <summary>The features, [M, F].</summary>
    public Tensor Features { get; }

    /// <summary>The labels, M of them; -1 where there is none.</summary>
    public IReadOnlyList<long> Labels { get; }

    /// <summary>The name of every label; its number where the classes have none.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The classes have names of their own.</summary>
    public bool HasClassNames { get; }

    /// <summary>M.</summary>
    public long Count => Labels.Count;

    /// <inheritdoc/>
    public void Dispose() => Features.Dispose();

    private static string[] Numerals(long count) =>
        [.. Enumerable.Range(0, (int)count).Select(i => i.ToString(CultureInfo.InvariantCulture))];

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
