using SelfSup.Methods;

namespace SelfSup.Training;

/// <summary>Where a run tells how it goes; the terminal is one.</summary>
public interface IRunProgress
{
    /// <summary>The run starts, or goes on from a checkpoint.</summary>
    void Started(RunStart start);

    /// <summary>A step is done.</summary>
    void Stepped(StepProgress progress);

    /// <summary>An evaluation begins; it may take a while.</summary>
    void Evaluating(long step);

    /// <summary>The backbone was judged.</summary>
    void Evaluated(long step, double epoch, IReadOnlyDictionary<string, double> values, TimeSpan duration);

    /// <summary>A checkpoint is on disk; told between two steps, up to a few later.</summary>
    void Saved(long step, string path);

    /// <summary>A checkpoint that was asked for (<see cref="CheckpointRequest"/>) is on disk.</summary>
    void CheckpointAnswered(long step)
    {
    }

    /// <summary>Something the user should know, but that stops nothing. Told from any thread.</summary>
    void Warn(string message);
}

/// <summary>What is known when a run starts.</summary>
/// <param name="RunDirectory">Where the run's files are.</param>
/// <param name="FirstStep">Steps done before; 0 for a new run.</param>
/// <param name="Plan">Length and rhythm of the run.</param>
/// <param name="Images">M, images to train on.</param>
/// <param name="Parameters">P, trained values.</param>
/// <param name="Device">Where it runs.</param>
/// <param name="Threads">CPU threads of the network.</param>
/// <param name="Stores">What the method keeps between steps, and how large it is.</param>
public sealed record RunStart(
    string RunDirectory,
    long FirstStep,
    TrainingPlan Plan,
    long Images,
    long Parameters,
    string Device,
    int Threads,
    IReadOnlyList<StoreSize> Stores)
{
    /// <summary>R, processes that train together.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>What carries their messages.</summary>
    public string Engine { get; init; } = "";

    /// <summary>Whether a run that goes on does so bit for bit; false where numbers are equal up to rounding.</summary>
    public bool IsExact { get; init; } = true;

    /// <summary>Whether the run began with weights of another training.</summary>
    public bool IsWarm { get; init; }

    /// <summary>What it begins with of them; null where it begins with none, or goes on.</summary>
    public WarmStartFacts? WarmStart { get; init; }
}

/// <summary>What a run begins with of another training.</summary>
/// <param name="From">Where the weights come from.</param>
/// <param name="Message">How many fit, as a line.</param>
/// <param name="Notes">What of the encoder begins at random, and what is not used, a line each.</param>
public sealed record WarmStartFacts(string From, string Message, IReadOnlyList<string> Notes);

/// <summary>Where a run is after a step.</summary>
/// <param name="Report">What the step gave.</param>
/// <param name="Epoch">Epochs done, with the part of the current one.</param>
/// <param name="ImagesPerSecond">Over the last steps, evaluations and checkpoints not counted.</param>
/// <param name="WaitShare">Share of that time spent waiting for data, 0 to 1.</param>
/// <param name="Remaining">Estimated time to the end of the run, evaluations counted; null until there is a basis.</param>
public sealed record StepProgress(
    StepReport Report, double Epoch, double ImagesPerSecond, double WaitShare, TimeSpan? Remaining);
