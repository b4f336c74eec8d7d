using System.ComponentModel.DataAnnotations;

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

    /// <summary>Stops after this many steps, for trying a recipe out; schedules still span all epochs.</summary>
    [Range(1L, long.MaxValue)]
    public long? MaxSteps { get; set; }

    /// <summary>Scales the gradient down to this norm where it is longer; by default it is left alone.</summary>
    [Range(0.0, double.MaxValue, MinimumIsExclusive = true)]
    public double? ClipGradientNorm { get; set; }

    /// <summary>Where to train: cpu, cuda, or auto (cuda where there is one).</summary>
    public DeviceKind Device { get; set; } = DeviceKind.Auto;
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
