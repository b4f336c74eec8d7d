using SelfSup.Errors;
using SelfSup.Evaluation;

namespace SelfSup.Reports;

/// <summary>What a quick linear probe mistakes for what.</summary>
/// <param name="Report">Its predictions.</param>
/// <param name="TrainingImages">From how many images it learned.</param>
/// <param name="Settings">How, in words.</param>
internal sealed record ConfusionFinding(ClassificationReport Report, long TrainingImages, string Settings)
{
    /// <summary>Of more classes than this no matrix is shown but the pairs that are mistaken most.</summary>
    public const int MostClasses = 30;

    private const int MostProbed = 1000;

    // One fit in place of a search for the best C: a report is no judgement, and has to be done in seconds.
    private const double C = 0.01;
    private const int Steps = 300;

    /// <summary>Fails where there are so many classes that a probe is no longer quick.</summary>
    /// <exception cref="DataException">There are.</exception>
    public static void RequireFew(IReadOnlyList<string> classes)
    {
        if (classes.Count > MostProbed)
        {
            throw new DataException(FormattableString.Invariant(
                $"There are {classes.Count:N0} classes: more than {MostProbed:N0} are too many for a quick probe; selfsup linear-probe takes its time."));
        }
    }

    /// <summary>Learns from some features and predicts others.</summary>
    /// <exception cref="DataException">Labels are missing, or of one class only.</exception>
    public static ConfusionFinding Of(FeatureSet train, FeatureSet test)
    {
        var probe = new LbfgsProbe(new LbfgsProbeOptions { C = C, Standardize = true, MaxIterations = Steps, Tolerance = 1e-5 });
        return new ConfusionFinding(
            probe.Evaluate(train, test).Report,
            train.Count,
            FormattableString.Invariant($"logistic regression on standardised features, C = {C}, at most {Steps} steps of L-BFGS"));
    }

    /// <summary>The pairs of classes that are mistaken most, the most frequent first; of equally frequent ones the first.</summary>
    /// <param name="most">How many.</param>
    public IReadOnlyList<MistakenPair> Mistaken(int most) =>
    [
        .. (from truth in Enumerable.Range(0, Report.Classes.Count)
            from predicted in Enumerable.Range(0, Report.Classes.Count)
            where truth != predicted && Report.Confusion[truth][predicted] > 0
            orderby Report.Confusion[truth][predicted] descending
            select new MistakenPair(
                Report.Classes[truth].Name,
                Report.Classes[predicted].Name,
                Report.Confusion[truth][predicted],
                (double)Report.Confusion[truth][predicted] / Report.Classes[truth].Images)).Take(most),
    ];
}

/// <summary>Images of a class that were taken for another.</summary>
/// <param name="Truth">Their class.</param>
/// <param name="Predicted">What they were taken for.</param>
/// <param name="Images">How many.</param>
/// <param name="Share">Of all of the class.</param>
internal sealed record MistakenPair(string Truth, string Predicted, long Images, double Share);
