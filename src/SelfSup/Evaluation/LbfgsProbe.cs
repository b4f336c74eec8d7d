using System.ComponentModel.DataAnnotations;
using System.Globalization;

using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>Settings of <see cref="LbfgsProbe"/>.</summary>
internal sealed class LbfgsProbeOptions : IValidatableObject
{
    /// <summary>
    /// The inverse weight of the penalty on the sum (not the mean) over images, scikit-learn's C; null chooses it from
    /// <see cref="Grid"/> on a held-out part.
    /// </summary>
    [Range(0.0, double.MaxValue, MinimumIsExclusive = true)]
    public double? C { get; set; }

    /// <summary>The values of C to choose from, rising.</summary>
    [Required]
    [MinLength(1)]
    public double[] Grid { get; set; } = [1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2, 1e3, 1e4];

    /// <summary>The share of every class of the training images that C is chosen on.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double HeldOut { get; set; } = 0.2;

    /// <summary>Chooses the held-out images.</summary>
    public ulong Seed { get; set; }

    /// <summary>
    /// Brings every feature to mean 0 and variance 1 over the training images first. Off, as in the published protocols
    /// (Kornblith et al. 2019; Radford et al. 2021), which leave the scale of the features to the choice of C.
    /// </summary>
    public bool Standardize { get; set; }

    /// <summary>Steps of L-BFGS for one C.</summary>
    [Range(1, int.MaxValue)]
    public int MaxIterations { get; set; } = 1000;

    /// <summary>Stops where the largest entry of the gradient, per image, is below this.</summary>
    [Range(0.0, double.MaxValue, MinimumIsExclusive = true)]
    public double Tolerance { get; set; } = 1e-7;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Grid is not null && Grid.Zip(Grid.Prepend(0)).Any(g => !(g.First > g.Second)))
        {
            yield return new("the values must be above 0 and rise", [nameof(Grid)]);
        }
    }
}

/// <summary>What a probe with L-BFGS found.</summary>
/// <param name="Report">Its accuracy on the test images.</param>
/// <param name="C">The C it was fitted with.</param>
/// <param name="Trials">What each C of the grid reached on the held-out part; empty where C was given.</param>
internal sealed record LbfgsProbeResult(
    ClassificationReport Report, double C, IReadOnlyList<RegularizationTrial> Trials);

/// <summary>What a C reached on the held-out part.</summary>
/// <param name="C">The C.</param>
/// <param name="Accuracy">Top-1, 0 .. 1.</param>
/// <param name="Loss">The mean cross-entropy, which decides between equal accuracies.</param>
internal sealed record RegularizationTrial(double C, double Accuracy, double Loss);

/// <summary>
/// The linear probe on features that were computed once: multinomial logistic regression, minimised with L-BFGS, its
/// regularisation chosen on a held-out part of the training images and refitted on all of them (Kornblith, Shlens and
/// Le 2019). Holds one copy of the training features; for more than some gigabytes of them use the probe by SGD.
/// </summary>
internal sealed class LbfgsProbe(LbfgsProbeOptions options)
{
    /// <summary>Fits on the training images and predicts the test images.</summary>
    /// <exception cref="DataException">Labels are missing or of one class only.</exception>
    public LbfgsProbeResult Evaluate(FeatureSet train, FeatureSet test)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var split = new LabelledSplit(train, test);
        using var fit = new Fitting(options, train.Features, train.Labels, split.ClassNames.Count);
        var trials = options.C is null ? Trials(fit, train, split.ClassNames.Count) : [];
        var c = options.C ?? Best(trials).C;
        using var classifier = fit.At(c, out var converged);
        string[] notes =
        [
            .. options.C is null && (c == options.Grid[0] || c == options.Grid[^1]) && options.Grid.Length > 1
                ? [Text($"C is {c}, at the edge of the grid: widen it")]
                : Array.Empty<string>(),
            .. converged ? Array.Empty<string>() : [Text($"not converged in {options.MaxIterations} steps at C {c}")],
        ];
        return new(classifier.Evaluate(split, notes), c, trials);
    }

    /// <summary>
    /// The classifier for one C, of labels from 0 to <paramref name="classes"/> - 1; the caller's to dispose.
    /// </summary>
    internal LinearClassifier Fit(Tensor features, IReadOnlyList<long> labels, int classes, double c)
    {
        using var fit = new Fitting(options, features, labels, classes);
        return fit.At(c, out var _);
    }

    private static RegularizationTrial Best(IReadOnlyList<RegularizationTrial> trials) =>
        trials.OrderByDescending(t => t.Accuracy).ThenBy(t => t.Loss).First();

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private List<RegularizationTrial> Trials(Fitting all, FeatureSet train, int classes)
    {
        using var scope = NewDisposeScope();
        var (fitted, heldOut) = HeldOutSplit.Of(train.Labels, options.HeldOut, options.Seed);
        if (heldOut.Length == 0)
        {
            throw new DataException(
                $"{train.Name}: every class has one image, must have more to choose the regularisation on " +
                "a held-out part; set C instead");
        }

        var features = train.Features.index_select(0, tensor(fitted, device: train.Features.device));
        var rest = train.Features.index_select(0, tensor(heldOut, device: train.Features.device));
        long[] labels = [.. fitted.Select(i => train.Labels[(int)i])];
        var restLabels = tensor(heldOut.Select(i => train.Labels[(int)i]).ToArray(), device: rest.device);
        using var fit = new Fitting(options, features, labels, classes);
        var trials = new List<RegularizationTrial>();
        // From strong to weak regularisation, each fit from the last one's minimum.
        foreach (var c in options.Grid)
        {
            using var trial = NewDisposeScope();
            using var classifier = fit.At(c, out var _);
            var logits = classifier.Logits(rest);
            var accuracy = (logits.argmax(1) == restLabels).to(float64).mean().item<double>();
            var loss = nn.functional.cross_entropy(logits, restLabels).item<double>();
            trials.Add(new(c, accuracy, loss));
        }

        all.StartFrom(fit);
        return trials;
    }

    /// <summary>Training images and the last minimum found for them.</summary>
    private sealed class Fitting : IDisposable
    {
        private readonly LbfgsProbeOptions _options;
        private readonly Tensor _features; // [M, F], centred, and scaled where asked for
        private readonly Tensor _labels; // [M], counted over the present classes only
        private readonly Tensor _present; // labels that occur
        private readonly Tensor _mean; // [F]
        private readonly Tensor _scale; // [F]
        private readonly Tensor _point; // [P]
        private readonly int _classes;

        public Fitting(LbfgsProbeOptions options, Tensor features, IReadOnlyList<long> labels, int classes)
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            (_options, _classes) = (options, classes);
            // An absent class has no minimum: its bias would go to minus infinity. It is left out and put back as that.
            long[] present = [.. labels.Distinct().Order()];
            _present = tensor(present, device: features.device).DetachFromDisposeScope();
            long[] counted = [.. labels.Select(l => (long)Array.BinarySearch(present, l))];
            _labels = tensor(counted, device: features.device).DetachFromDisposeScope();
            // With a bias that is not penalised, centred features have the same minimum but for the bias, and L-BFGS
            // finds it in far fewer steps: features after a ReLU are far from centred.
            var mean = features.mean([0]);
            var centred = features - mean;
            _mean = mean.to(float64).alias().DetachFromDisposeScope();
            _scale = Scale(options, features).DetachFromDisposeScope();
            _features = (options.Standardize ? centred.mul_(_scale.to(features.dtype)) : centred)
                .DetachFromDisposeScope();
            _point = zeros(present.Length * (features.shape[1] + 1), float64, features.device).DetachFromDisposeScope();
        }

        /// <summary>The classifier of the minimum at a C, for features as they were given.</summary>
        public LinearClassifier At(double c, out bool converged)
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            using var objective = new SoftmaxRegression(_features, _labels, _present.shape[0], c);
            converged = Lbfgs.Minimize(
                objective.Value, _point, _options.Tolerance * _labels.shape[0], _options.MaxIterations).Converged;
            var scaled = objective.Weight(_point) * _scale;
            var shifted = objective.Bias(_point) - (scaled * _mean).sum(1);
            var weight = zeros(_classes, _features.shape[1], float64, _features.device)
                .index_copy_(0, _present, scaled);
            var bias = full(_classes, double.NegativeInfinity, float64, _features.device)
                .index_copy_(0, _present, shifted);
            return new LinearClassifier(weight, bias);
        }

        /// <summary>Begins the next fit at another's minimum; both have the same classes.</summary>
        public void StartFrom(Fitting other) => _point.copy_(other._point);

        public void Dispose()
        {
            foreach (var owned in new[] { _features, _labels, _present, _mean, _scale, _point })
            {
                owned.Dispose();
            }
        }

        private static Tensor Scale(LbfgsProbeOptions options, Tensor features)
        {
            if (!options.Standardize)
            {
                return ones(1, float64, features.device);
            }

            var deviation = features.std(0, unbiased: false).to(float64);
            return where(deviation > 0, deviation.reciprocal(), ones_like(deviation));
        }
    }
}
