using SelfSup.Checkpoints;

namespace SelfSup.Tests.Checkpoints;

internal static class Manifests
{
    public static CheckpointManifest Of(long step, double knn = 0.25, double? loss = null) => new()
    {
        Step = step,
        Epoch = step / 10.0,
        Written = DateTimeOffset.UnixEpoch,
        RecipeHash = "hash",
        Recipe = new Dictionary<string, string> { ["method.temperature"] = "0.5" },
        TrainingSeconds = 1,
        Seconds = 2,
        Loss = loss,
        Evaluations = [new EvaluationRecord(step, new Dictionary<string, double> { ["knn"] = knn })],
        Threads = 1,
        Versions = new Dictionary<string, string>(),
        Host = "here",
    };
}
