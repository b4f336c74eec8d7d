using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary><c>selfsup finetune</c>: a pretrained backbone trained on with labels, by the same trainer.</summary>
public sealed class FinetuneTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public FinetuneTests()
    {
        _workspace.Pretrain("source", "--set", "training.maxSteps=4", "--threads", "1").Succeeds();
        Write("classify.yaml", "{ name: classification, labelSmoothing: 0.1, mixup: 0.3, classifierRate: 5 }", "[accuracy, knn]", "{ name: shuffled }");
        Write("metric.yaml", "{ name: metricLearning, memory: 64, memoryAfterSteps: 4, loss: { name: triplet, miner: { name: semiHard } } }", "[retrieval]", "{ name: classes, imagesPerClass: 4 }");
    }

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void AStoppedRunEndsAsTheUninterruptedOne()
    {
        foreach (var (recipe, measure, shown) in new[] { ("classify", "accuracy", "accuracy"), ("metric", "recallAt1", "Recall@1") })
        {
            string[] Arguments(string run) =>
                ["finetune", $"{recipe}.yaml", "--from", "source", "--run", run, "--train-from", "layer2", "--layer-decay", "0.5", "--threads", "1"];
            var outcome = _workspace.Run(Arguments($"{recipe}-whole")).Succeeds();
            Assert.Contains($"\nbefore training: {shown} ", outcome.Output, StringComparison.Ordinal);
            Assert.Contains($"\ndone: {shown} ", outcome.Output, StringComparison.Ordinal);
            using (var process = SelfSupProcess.Start(_workspace["."], Arguments($"{recipe}-stopped")))
            {
                process.WaitForLines(_workspace[$"{recipe}-stopped", "metrics.jsonl"], 8);
                process.Signal("TERM");
                Assert.Equal(143, process.Wait().ExitCode);
            }

            _workspace.Run(Arguments($"{recipe}-stopped")).Succeeds();
            _workspace.IsTheSame($"{recipe}-whole", $"{recipe}-stopped");
            using var result = JsonDocument.Parse(File.ReadAllBytes(_workspace[$"{recipe}-whole", "result.json"]));
            Assert.InRange(result.RootElement.GetProperty(measure).GetDouble(), 0, 1);
            Assert.Contains($"{shown} ", _workspace.Run("runs", ".").Succeeds().Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void FewLabelsAndAFreshHead()
    {
        var path = _workspace["metric.yaml"];
        File.WriteAllText(path, File.ReadAllText(path).Replace("limit: 256 }", "limit: 256, labels: { perClass: 3 } }", StringComparison.Ordinal));
        var outcome = Finetune("metric", "--from", "source", "--head", "fresh", "--labels", "50%", "--set", "training.epochs=1").Succeeds();
        Assert.Contains("run: 130 images, ", outcome.Output, StringComparison.Ordinal); // half of each class, rounded
        Assert.DoesNotContain("head.", outcome.Output, StringComparison.Ordinal);
        var recipe = File.ReadAllText(_workspace["run", "recipe.yaml"]);
        Assert.Contains("head: fresh", recipe, StringComparison.Ordinal);
        Assert.Contains("share: 0.5", recipe, StringComparison.Ordinal);
        Assert.DoesNotContain("perClass: 3", recipe, StringComparison.Ordinal); // what the recipe had

        // The head of the run is what is judged.
        var judged = _workspace.Run("retrieval", "run", "--threads", "1").Succeeds();
        Assert.Contains("embeddings", judged.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MistakesAreSaid()
    {
        Finetune("classify").IsOneLine(2, "--from: neither it nor init.from of the recipe says whose weights it begins with");
        Finetune("classify", "--from", "source", "--from-scratch").IsOneLine(2, "--from-scratch: begins with random weights, --from names others");
        Finetune("classify", "--from", "nowhere").IsOneLine(2, "init.from: ", "nowhere: does not exist");
        Finetune("classify", "--from-scratch", "--head", "fresh").IsOneLine(2, "--from-scratch: begins with random weights, of the head too");
        Finetune("classify", "--from", "").IsOneLine(2, "init.from: is empty");
        Finetune("classify", "--from", "source", "--labels", "few").IsOneLine(2, "--labels: must be a number of images of each class (25) or a share of them (1%), is 'few'");
        Finetune("classify", "--from", "source", "--labels", "0.5").IsOneLine(2, "--labels: ", "is '0.5'");
        Finetune("classify", "--from", "source", "--labels", "101%").IsOneLine(2, "--labels: ", "is '101%'");
        Finetune("classify", "--from", "source", "--train-from", "layer9").IsOneLine(2, "finetune.trainFrom: there is no stage 'layer9'; it must be one of stem, layer1, layer2, layer3, head");
        Finetune("classify", "--from", "source", "--layer-decay", "1.5").IsOneLine(2, "finetune.layerDecay: must be from 0 (not included) to 1, is 1.5");
        Finetune("classify", "--from", "source", "--set", "sampling={name: classes, imagesPerClass: 4}").IsOneLine(2, "method.mixup: blends neighbours");
        Finetune("metric", "--from", "source", "--set", "evaluation.measures=[accuracy]").IsOneLine(2, "evaluation.measures: accuracy is of method classification");
        Finetune("metric", "--from", "source", "--set", "checkpoint.bestBy=knn").IsOneLine(2, "checkpoint.bestBy: is knn, which evaluation.measures does not have");
        Finetune("metric", "--from", "source", "--set", "method.loss.margin=3").IsOneLine(2, "loss.margin: is 3, must be at most 2");
        Finetune("metric", "--from", "source", "--set", "method.loss.margin=-1").IsOneLine(2, "method.loss.margin: must be from 0 to 1000, is -1");
        Finetune("classify", "--from", "source", "--set", "data.classes=[Bag]", "--set", "training.globalBatchSize=8").IsOneLine(2, "among two classes at least");
        var unlabelled = Directory.CreateDirectory(_workspace["unlabelled"]).FullName;
        foreach (var file in Directory.EnumerateFiles(_workspace.Images("labelled", 40, 28), "*.png", SearchOption.AllDirectories))
        {
            File.Copy(file, Path.Combine(unlabelled, Path.GetFileName(file)));
        }

        string[] without = ["--from", "source", "--set", "data.path=unlabelled", "--set", "data.limit=", "--set", "evaluation.test="];
        Finetune("classify", without).IsOneLine(3, "classification learns from labels, the training images have none");
        Finetune("metric", without).IsOneLine(3, "sampling: 'classes' puts batches together");
        await ParquetFiles.WriteImages(_workspace["some.parquet"], 64, unlabelled: 2);
        string[] some = ["--from", "source", "--set", "data.path=some.parquet", "--set", "data.limit="];
        Finetune("classify", some).IsOneLine(3, "some.parquet: 2 of 64 images have no label (the first is ", "label these or choose the others by data.classes");
        Finetune("metric", [.. some, "--set", "training.globalBatchSize=16"]).IsOneLine(3, "some.parquet", "label");
        Assert.False(Directory.Exists(_workspace["run", "checkpoints"]));
    }

    private Outcome Finetune(string recipe, params string[] more) =>
        _workspace.Run(["finetune", $"{recipe}.yaml", "--run", "run", "--threads", "1", .. more]);

    private void Write(string name, string method, string measures, string sampling) => File.WriteAllText(_workspace[name], $$"""
        run: { seed: 5 }
        data: { path: {{Repository.TrainImages}}, limit: 256 }
        sampling: {{sampling}}
        views:
          - randomResizedCrop: { size: 28, scale: [0.5, 1.0] }
          - normalize: { mean: [0.286, 0.286, 0.286], standardDeviation: [0.353, 0.353, 0.353] }
        encoder: { backbone: resnet20, width: 0.25, head: { output: 16 } }
        method: {{method}}
        optimizer: { name: sgd, momentum: 0.9, weightDecay: 5.0e-4 }
        schedule: { name: cosine, learningRate: 0.05 }
        training: { epochs: 3, globalBatchSize: 32 }
        checkpoint: { everySteps: 5, keep: 2 }
        evaluation:
          everyEpochs: 2
          measures: {{measures}}
          test: { path: {{Repository.TestImages}}, limit: 64 }
          knn: { neighbours: 10, temperature: 0.1 }
        """);
}
