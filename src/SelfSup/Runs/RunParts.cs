using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Images;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Telemetry;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>The parts of a run that a profile looks at; the run owns them.</summary>
/// <param name="Run">Its steps.</param>
/// <param name="Trainer">How one is made.</param>
/// <param name="Clock">Where their time goes.</param>
/// <param name="Method">What is learned.</param>
/// <param name="Optimizer">How gradients change weights.</param>
/// <param name="Loader">Makes the batches.</param>
/// <param name="Images">The images to train on.</param>
/// <param name="Decoded">Those that are kept decoded.</param>
/// <param name="Compute">How the network computes.</param>
/// <param name="Identity">What the run's files would belong to.</param>
/// <param name="Communicator">The ranks.</param>
internal sealed record RunParts(
    TrainingRun Run,
    Trainer Trainer,
    StepClock Clock,
    Method Method,
    IOptimizer Optimizer,
    ViewLoader Loader,
    IImageSource Images,
    DecodedCache Decoded,
    Compute Compute,
    RunIdentity Identity,
    Communicator Communicator);
