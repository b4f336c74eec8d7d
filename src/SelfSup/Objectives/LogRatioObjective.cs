using SelfSup.Catalogs;
using SelfSup.Distances;
using SelfSup.Errors;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// The log-ratio loss over all triplets of a batch (Kim et al. 2019, https://arxiv.org/abs/1904.09626): distances of embeddings are to
/// be in the ratios of the distances of labels, which are numbers here.
/// </summary>
[Named("logRatio")]
internal sealed class LogRatioObjective : Objective
{
    private readonly LogRatioOptions _options;
    private readonly double[]? _values;
    private readonly SquaredEuclidean _distance = new(new NoOptions());

    public LogRatioObjective(LogRatioOptions options, ObjectiveContext context)
    {
        _options = options;
        ComparesValues = options.Labels == ClassLabel.Values || (options.Labels is null && context.ValuesPerImage > 0);
        if (ComparesValues && context.ValuesPerImage == 0)
        {
            throw new RecipeException("method.loss.labels: is values, but data.values names none; name a list of them or set another");
        }

        if (options.Labels == ClassLabel.Name)
        {
            _values = context.ClassValues is { } values
                ? [.. values]
                : throw new RecipeException(
                    "method.loss.labels: is name, but the names of the classes are not all numbers; name them by numbers, set labels: number for "
                    + "their order, or choose another loss");
        }
    }

    /// <inheritdoc/>
    public override bool OfUnitVectors => _options.Normalise;

    /// <inheritdoc/>
    public override bool ComparesValues { get; }

    /// <inheritdoc/>
    public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var squares = _distance.Matrix(batch.Anchors, batch.References);
        var labels = ComparesValues
            ? (batch.Values!.to(float64).unsqueeze(1) - batch.ReferenceValues!.to(float64).unsqueeze(0)).square().sum(dim: 2)
            : (Values(batch.Labels).unsqueeze(1) - Values(batch.ReferenceLabels).unsqueeze(0)).square();
        var counted = Counted(batch);
        return (_options.Convention == LogRatioConvention.Paper
            ? LogRatio.Paper(squares, labels, counted)
            : LogRatio.Authors(squares, labels, counted, batch.Anchors.shape[1])).MoveToOuterDisposeScope();
    }

    private static Tensor Counted(LabelledEmbeddings batch)
    {
        var counted = ones([batch.Anchors.shape[0], batch.References.shape[0]], dtype: @bool, device: batch.Anchors.device);
        if (batch.FirstSelf is { } first)
        {
            counted.narrow(1, first, batch.Anchors.shape[0]).diagonal().zero_();
        }

        return counted;
    }

    private Tensor Values(Tensor labels) =>
        _values is null ? labels.to(float64) : tensor(_values).to(labels.device).index_select(0, labels);
}

/// <summary>The settings of <c>logRatio</c>.</summary>
internal sealed class LogRatioOptions
{
    /// <summary>Whether the loss is as the authors' code has it, or as the paper does, where pairs of equal labels do not count.</summary>
    public LogRatioConvention Convention { get; set; } = LogRatioConvention.Authors;

    /// <summary>What numbers are compared; by default those of data.values or, without, the numbers of the classes.</summary>
    public ClassLabel? Labels { get; set; }

    /// <summary>Whether embeddings are made of unit length first; the paper does not.</summary>
    public bool Normalise { get; set; }
}

/// <summary>Which of two forms of the log-ratio loss.</summary>
internal enum LogRatioConvention
{
    /// <summary>Distances that are not squared, with small numbers added.</summary>
    Authors,

    /// <summary>Squared distances.</summary>
    Paper,
}

/// <summary>What numbers are compared.</summary>
internal enum ClassLabel
{
    /// <summary>The place of an image's class among the classes, from 0.</summary>
    Number,

    /// <summary>Its name, which must be a number.</summary>
    Name,

    /// <summary>Those of data.values, which belong to images and not to classes.</summary>
    Values,
}
