namespace SelfSup.Telemetry;

/// <summary>What a run spends its time on, in the order of a step; the last two stand between steps.</summary>
internal enum StepPart
{
    /// <summary>The loader has no batch ready.</summary>
    DataWait,

    /// <summary>The batch goes to the device.</summary>
    Transfer,

    /// <summary>Images become embeddings and targets.</summary>
    Forward,

    /// <summary>Embeddings become a loss.</summary>
    Compare,

    /// <summary>The loss becomes gradients; with slices, after another way forward.</summary>
    Backward,

    /// <summary>Gradients become their mean over ranks.</summary>
    AllReduce,

    /// <summary>The gradient is measured, and clipped where it is too long.</summary>
    GradientNorm,

    /// <summary>Gradients are cleared before they are made and change weights after it.</summary>
    Optimizer,

    /// <summary>The method remembers the step.</summary>
    Commit,

    /// <summary>The loss is read, logged and shown, and what the step held is freed.</summary>
    Report,

    /// <summary>The backbone is judged.</summary>
    Evaluation,

    /// <summary>A checkpoint's snapshot is taken, or one that was begun is waited for.</summary>
    Checkpoint,
}
