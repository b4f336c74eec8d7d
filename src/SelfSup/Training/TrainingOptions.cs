using System.ComponentModel.DataAnnotations;

using SelfSup.Images;
using SelfSup.Tensors;

namespace SelfSup.Training;

/// <summary>The <c>training</c> section.</summary>
internal sealed class TrainingOptions
{
    /// <summary>Passes over the images.</summary>
    [Range(1, int.MaxValue)]
    public int Epochs { get; set; } = 100;

    /// <summary>Images per optimizer step over all ranks; the last incomplete batch of an epoch is left out.</summary>
    [Range(2, int.MaxValue)]
    public int GlobalBatchSize { get; set; } = 256;

    /// <summary>
    /// Images in the network at once, for a batch that does not fit into memory: the gradient stays that of the whole batch,
    /// at the cost of one more forward pass. BatchNorm sees a slice at a time. By default the batch goes through at once.
    /// </summary>
    [Range(2, int.MaxValue)]
    public int? SliceSize { get; set; }

    /// <summary>
    /// Keeps the activations at the borders of the network's stages (a transformer's blocks) only and makes those within
    /// anew for the way back (Chen et al. 2016, https://arxiv.org/abs/1604.06174): less memory for a third more work, the
    /// same numbers.
    /// </summary>
    public bool RecomputeActivations { get; set; }

    /// <summary>
    /// What convolutions and matrix products are computed in; tf32 needs CUDA. Weights, gradients, statistics of
    /// normalisations and losses are float32 in each.
    /// </summary>
    public Precision Precision { get; set; } = Precision.Float32;

    /// <summary>
    /// Whether images and filters lie in memory pixel by pixel; by default where it is faster: on a CPU, and on a GPU
    /// below full float32.
    /// </summary>
    public bool? ChannelsLast { get; set; }

    /// <summary>Stops after this many steps, for trying a recipe out; schedules still span all epochs.</summary>
    [Range(1L, long.MaxValue)]
    public long? MaxSteps { get; set; }

    /// <summary>Scales the gradient down to this norm where it is longer; by default it is left alone.</summary>
    [Range(0.0, double.MaxValue, MinimumIsExclusive = true)]
    public double? ClipGradientNorm { get; set; }

    /// <summary>
    /// What to do when embeddings no longer tell images apart: their effective rank stays near 1, or they are all the same.
    /// </summary>
    [DoesNotChangeTraining]
    public OnTrouble OnCollapse { get; set; } = OnTrouble.Stop;

    /// <summary>
    /// How many steps in a row are left out because loss or gradient is no number, before the run ends; a step that is left out
    /// changes nothing. With 0 it ends at the first.
    /// </summary>
    [DoesNotChangeTraining]
    [Range(0, int.MaxValue)]
    public int SkipNonFinite { get; set; } = 3;

    /// <summary>Where to train: cpu, cuda, or auto (cuda where there is one).</summary>
    public DeviceKind Device { get; set; } = DeviceKind.Auto;
}

/// <summary>What to do when training goes wrong.</summary>
internal enum OnTrouble
{
    /// <summary>The run ends with an error that names the signal and the last good checkpoint.</summary>
    Stop,

    /// <summary>The run says so and goes on.</summary>
    GoOn,
}

/// <summary>Kinds of device.</summary>
internal enum DeviceKind
{
    /// <summary>CUDA where there is one, else the CPU.</summary>
    Auto,

    /// <summary>The CPU.</summary>
    Cpu,

    /// <summary>The current CUDA device.</summary>
    Cuda,
}
