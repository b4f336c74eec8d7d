using SelfSup.Checkpoints;

namespace SelfSup.Training;

/// <summary>What a run knows of itself beside tensors; it goes through the manifest of every checkpoint.</summary>
internal sealed class RunState
{
    private readonly List<EvaluationRecord> _evaluations = [];

    /// <summary>Optimizer steps done.</summary>
    public long Step { get; set; }

    /// <summary>The last loss.</summary>
    public double? Loss { get; set; }

    /// <summary>Seconds of steps, over all resumes.</summary>
    public double TrainingSeconds { get; set; }

    /// <summary>Seconds of steps, evaluations and checkpoints, over all resumes.</summary>
    public double Seconds { get; set; }

    /// <summary>What its health is judged by.</summary>
    public HealthState? Health { get; set; }

    /// <summary>Every evaluation so far.</summary>
    public IReadOnlyList<EvaluationRecord> Evaluations => _evaluations;

    /// <summary>Whether the backbone was judged after so many steps.</summary>
    public bool IsEvaluatedAt(long step) => _evaluations.Any(e => e.Step == step);

    public void Add(EvaluationRecord evaluation) => _evaluations.Add(evaluation);

    /// <summary>Takes over the state of a checkpoint.</summary>
    public void Restore(CheckpointManifest manifest)
    {
        (Step, Loss) = (manifest.Step, manifest.Loss);
        (TrainingSeconds, Seconds) = (manifest.TrainingSeconds, manifest.Seconds);
        Health = manifest.Health;
        _evaluations.Clear();
        _evaluations.AddRange(manifest.Evaluations);
    }
}
