using System.ComponentModel.DataAnnotations;

using SelfSup.Images;

namespace SelfSup.Training;

/// <summary>The <c>ranks</c> section: how a run goes on several ranks. On one it has no effect.</summary>
internal sealed class RankOptions
{
    /// <summary>
    /// Whether batch normalisation is over the images of all ranks, as it would be on one; by default it is, but for moco, whose
    /// keys it would give away. Without, every rank normalises its own, and running statistics are averaged after each step.
    /// </summary>
    public bool? SyncBatchNorm { get; set; }

    /// <summary>Whether gradients are averaged beside the backward pass, stage by stage, instead of after it; the result is the same up to rounding.</summary>
    [DoesNotChangeTraining]
    public bool Overlap { get; set; } = true;

    /// <summary>
    /// A rank that gives no sign of life for so long is given up: its machine is gone, or it was stopped. Signs are files in the
    /// run directory, which all ranks must see.
    /// </summary>
    [DoesNotChangeTraining]
    [Range(2.0, 86_400.0)]
    public double SilenceSeconds { get; set; } = 20;

    /// <summary>After so many steps ranks compare a checksum of their weights, which must be the same; 0 for never.</summary>
    [DoesNotChangeTraining]
    [Range(0, int.MaxValue)]
    public int CompareEverySteps { get; set; } = 100;
}
