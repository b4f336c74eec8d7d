using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Losses;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>Supervised contrastive learning (Khosla et al. 2020, https://arxiv.org/abs/2004.11362, eq. 2).</summary>
[Named("supCon")]
internal sealed class SupConObjective : Objective
{
    private readonly SupConOptions _options;

    public SupConObjective(SupConOptions options, ObjectiveContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _options = options;
    }

    /// <inheritdoc/>
    public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder) => batch.IsBatch
        ? SupCon.Loss(batch.Anchors, batch.References, batch.Labels, 0, _options.Temperature, _options.Averaging == Averaging.NonZero)
        : SupConReferences.Loss(
            batch.Anchors, batch.Labels, batch.References, batch.ReferenceLabels, batch.FirstSelf, _options.Temperature, _options.Averaging);
}

/// <summary>The settings of <c>supCon</c>.</summary>
internal sealed class SupConOptions
{
    /// <summary>Divides every similarity.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.1;

    /// <summary>Whether the mean is over all anchors with a positive, as in the paper, or over those of them whose loss is not 0.</summary>
    public Averaging Averaging { get; set; } = Averaging.All;
}
