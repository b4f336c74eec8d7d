using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Images;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Training;

namespace SelfSup.Recipes;

/// <summary>Everything that defines a run, as its YAML file states it: what is written here is what runs.</summary>
internal sealed class Recipe
{
    /// <summary>Name and seed.</summary>
    public RunOptions Run { get; set; } = new();

    /// <summary>The images to train on.</summary>
    [Required]
    public DataOptions? Data { get; set; }

    /// <summary>How batches are put together; shuffled where it is left out.</summary>
    [ChosenFrom(typeof(Sampling))]
    public Choice? Sampling { get; set; }

    /// <summary>How an image becomes views.</summary>
    [Required]
    public ViewSettings? Views { get; set; }

    /// <summary>Backbone and head.</summary>
    [Required]
    public EncoderOptions? Encoder { get; set; }

    /// <summary>What weights a new run begins with; random ones where it is left out.</summary>
    public InitOptions? Init { get; set; }

    /// <summary>What of the network learns, and how fast, where it was trained before; all of it alike where it is left out.</summary>
    public FineTuningOptions? Finetune { get; set; }

    /// <summary>What is learned from the views.</summary>
    [Required]
    [ChosenFrom(typeof(Method))]
    public Choice? Method { get; set; }

    /// <summary>How gradients change weights.</summary>
    [Required]
    [ChosenFrom(typeof(IOptimizer))]
    public Choice? Optimizer { get; set; }

    /// <summary>The learning rate over the run.</summary>
    [Required]
    [ChosenFrom(typeof(ILearningRateSchedule))]
    public Choice? Schedule { get; set; }

    /// <summary>Epochs, batch, device.</summary>
    public TrainingOptions Training { get; set; } = new();

    /// <summary>How it goes on several ranks.</summary>
    public RankOptions Ranks { get; set; } = new();

    /// <summary>When checkpoints are written and how many are kept.</summary>
    [DoesNotChangeTraining]
    public CheckpointOptions Checkpoint { get; set; } = new();

    /// <summary>How the backbone is judged.</summary>
    public EvaluationOptions Evaluation { get; set; } = new();

    /// <summary>What is recorded.</summary>
    [DoesNotChangeTraining]
    public TelemetryOptions Telemetry { get; set; } = new();
}
