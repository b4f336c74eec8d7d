using System.Diagnostics.Metrics;

namespace SelfSup.Telemetry;

/// <summary>What the embedding space looks like and what a method remembers, every so many steps.</summary>
internal sealed class EmbeddingGauges
{
    private readonly Dictionary<string, Gauge<double>> _measures;
    private readonly Gauge<int> _collapsed;
    private readonly Gauge<double> _age;
    private readonly Gauge<double> _oldest;
    private readonly Gauge<double> _filled;
    private readonly Gauge<double> _fact;

    /// <param name="meter">The meter of a run.</param>
    public EmbeddingGauges(Meter meter)
    {
        Gauge<double> Measure(string name, string unit, string description) => meter.CreateGauge<double>($"selfsup.embeddings.{name}", unit, description);

        _measures = new()
        {
            ["alignment"] = Measure("alignment", "1", "Mean squared distance of the views of an image, of unit length"),
            ["uniformity"] = Measure("uniformity", "1", "Log of the mean Gaussian potential: 0 at collapse, about -4 at best"),
            ["effectiveRank"] = Measure("effective_rank", "{dimension}", "Dimensions that embeddings use (RankMe)"),
            ["standardDeviation"] = Measure("standard_deviation", "1", "Mean standard deviation of a dimension; 1 / sqrt(D) at best"),
            ["positiveSimilarity"] = Measure("positive_similarity", "1", "Mean cosine of the views of an image"),
            ["hardestNegativeSimilarity"] = Measure("hardest_negative_similarity", "1", "Mean of the largest cosine with another image"),
        };
        _collapsed = meter.CreateGauge<int>(
            "selfsup.embeddings.collapsed", "{sign}", "1 where embeddings did not tell images apart twice in a row, past the run's beginning, or 0");
        _age = meter.CreateGauge<double>("selfsup.memory.age", "{step}", "Mean age of what a method remembers, by store");
        _oldest = meter.CreateGauge<double>("selfsup.memory.oldest", "{step}", "Age of the oldest key that a queue holds, by store");
        _filled = meter.CreateGauge<double>("selfsup.memory.filled", "1", "Share of a method's store that is filled, by store");
        _fact = meter.CreateGauge<double>("selfsup.method.fact", "1", "What else a method tells beside its loss, by fact");
    }

    /// <summary>Records a look.</summary>
    /// <param name="space">Measures of the space by the names of metrics.jsonl.</param>
    /// <param name="facts">What the method has to tell.</param>
    public void Record(IReadOnlyDictionary<string, double> space, IReadOnlyDictionary<string, double> facts)
    {
        foreach (var (name, value) in space)
        {
            _measures.GetValueOrDefault(name)?.Record(value);
        }

        foreach (var (name, value) in facts)
        {
            if (!(OfStore(name, "AgeSteps", value, _age) || OfStore(name, "OldestSteps", value, _oldest) || OfStore(name, "Filled", value, _filled)))
            {
                _fact.Record(value, new KeyValuePair<string, object?>("selfsup.fact", name));
            }
        }
    }

    /// <summary>Records what a run makes of its looks.</summary>
    public void Collapsed(bool isCollapsed) => _collapsed.Record(isCollapsed ? 1 : 0);

    /// <summary>Facts of what is remembered begin with the store's name: queueAgeSteps, bankFilled.</summary>
    private static bool OfStore(string fact, string ending, double value, Gauge<double> gauge)
    {
        var isOne = fact.Length > ending.Length && fact.EndsWith(ending, StringComparison.Ordinal);
        if (isOne)
        {
            gauge.Record(value, new KeyValuePair<string, object?>("selfsup.store", fact[..^ending.Length]));
        }

        return isOne;
    }
}
