using System.Buffers.Binary;

using SelfSup.Augmentation;
using SelfSup.Diagnostics;
using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.Telemetry.TensorBoard;

using SelfSup.Telemetry.TensorBoard.Schema;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>
/// A run for TensorBoard: numbers, histograms of embeddings, contact sheets of views, the recipe, and the features of test images for
/// its projector. After a resume the files go on as if the run had never stopped. Nothing of it draws a random number or
/// computes on the device beside training, so that weights are the same without it.
/// </summary>
internal sealed class RunBoard : IDisposable
{
    private const string EvaluationTag = "evaluation/";

    private readonly BoardContent _content;
    private readonly TrainingPlan _plan;
    private readonly EventWriter _events;
    private readonly ProjectorFiles _projector;
    private readonly long _begun;
    private IReadOnlyList<long>? _drawn; // of the thread that writes
    private FeatureSet? _judged; // of the evaluation that is being made
    private Action? _newest; // what the projector is to show, until the thread that writes has time for it

    /// <param name="folder">Where the files go.</param>
    /// <param name="content">What is shown beside numbers.</param>
    /// <param name="plan">How long the run is.</param>
    /// <param name="state">The run as it begins or goes on; events of what it does not know are removed.</param>
    /// <param name="time">The clock.</param>
    /// <param name="warn">Told when files cannot be written, and when they can be again. From another thread.</param>
    public RunBoard(string folder, BoardContent content, TrainingPlan plan, RunState state, TimeProvider time, Action<string> warn)
    {
        (_content, _plan, _begun) = (content, plan, state.Step);
        var evaluations = state.Evaluations.ToDictionary(evaluation => evaluation.Step, evaluation => evaluation.Values);
        var first = _begun == 0 ? 0 : _begun + 1;
        bool IsMadeAgain(Event happened) => happened.Step >= first
            || (happened.Summary?.Value.Any(value => value.Tag.StartsWith(EvaluationTag, StringComparison.Ordinal)) == true && !evaluations.ContainsKey(happened.Step));
        _events = new EventWriter(folder, IsMadeAgain, first, time, warn);
        _projector = new ProjectorFiles(folder);
        _events.Add(
            first,
            SummaryValues.Text("recipe", $"```yaml\n{content.Recipe}```\n"),
            SummaryValues.Begin(content.Name, content.Settings, _events.Seconds));
        if (_begun == 0 && evaluations.TryGetValue(0, out var untrained))
        {
            Add(0, EvaluationTag, untrained); // its checkpoint was written, all else is made again
        }
    }

    /// <summary>The numbers of a step.</summary>
    public void Step(StepProgress progress, double stepSeconds, double waitSeconds, int images) => _events.Add(
        progress.Report.Step,
        SummaryValues.Scalar("training/loss", progress.Report.Loss),
        SummaryValues.Scalar("training/learningRate", progress.Report.LearningRate),
        SummaryValues.Scalar("training/gradientNorm", progress.Report.GradientNorm),
        SummaryValues.Scalar("throughput/imagesPerSecond", images / stepSeconds),
        SummaryValues.Scalar("throughput/dataWaitSeconds", waitSeconds),
        SummaryValues.Scalar("throughput/stepSeconds", stepSeconds));

    /// <summary>A look at the embedding space.</summary>
    public void Embeddings(StepProgress progress, EmbeddingReport space, IReadOnlyDictionary<string, double> facts)
    {
        Add(progress.Report.Step, "embeddings/", space.Measures);
        Add(progress.Report.Step, "method/", facts);
        if (space.Histograms is { Count: > 0 } histograms)
        {
            _events.Add(
                progress.Report.Step,
                histograms.Select(histogram => SummaryValues.Histogram($"embeddings/{histogram.Key}", histogram.Value.Least, histogram.Value.Most, histogram.Value.Counts)));
        }
    }

    /// <summary>Features that an evaluation has made of the test images: to be called before <see cref="Evaluation"/>, if at all.</summary>
    public void Judged(FeatureSet features)
    {
        if (_content is not { ProjectorImages: > 0, Test: not null })
        {
            return;
        }

        _judged?.Dispose();
        var rows = Math.Min(features.Count, _content.ProjectorImages);
        int[] places = [.. Enumerable.Range(0, (int)rows).Select(row => (int)(row * features.Count / rows))]; // evenly spaced
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        _judged = new FeatureSet(
            features.Name,
            features.Features.index_select(0, tensor(places, int64)).to(float32),
            [.. places.Select(place => features.Labels[place])],
            features.ClassNames,
            [.. places.Select(place => features.Samples[place])]);
    }

    /// <summary>What an evaluation gave.</summary>
    public void Evaluation(long step, IReadOnlyDictionary<string, double> values)
    {
        Add(step, EvaluationTag, values);
        if (_judged is { } judged)
        {
            float[] vectors = [.. judged.Features.data<float>()];
            (string, string)[] images = [.. judged.Labels.Select((label, row) =>
                (label >= 0 ? judged.ClassNames[(int)label] : "", _content.Test!.Locate((int)judged.Samples[row])))];
            var samples = judged.Samples;
            judged.Dispose();
            _judged = null;
            _newest = () => Project(step, vectors, images, samples);
            _events.Add(step, () =>
            {
                Interlocked.Exchange(ref _newest, null)?.Invoke(); // of several that wait the last
                return null;
            });
        }
    }

    /// <summary>So many steps are done: at the beginning of some epochs, the views that it makes.</summary>
    public void Reached(long step)
    {
        var (epoch, rest) = Math.DivRem(step, _plan.StepsPerEpoch);
        if (rest == 0 && step < _plan.TotalSteps && epoch % _content.ImagesEveryEpochs == 0 && (step == 0 || step != _begun))
        {
            _events.Add(step, () =>
            {
                using var png = new MemoryStream();
                _content.DrawViews(epoch, png);
                var bytes = png.ToArray();
                // A PNG begins with 8 bytes, length and name of its header, and its size.
                var (width, height) = (BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(20)));
                return SummaryValues.Image("views", width, height, bytes);
            });
        }

        if (step == _plan.TotalSteps)
        {
            _events.Add(step, SummaryValues.End(_events.Seconds));
        }
    }

    /// <summary>Forces what there is so far to disk, where it lets it. From any thread.</summary>
    public void FlushToDisk() => _events.FlushToDisk();

    /// <inheritdoc/>
    public void Dispose()
    {
        _events.Dispose();
        _judged?.Dispose();
    }

    private void Project(long step, float[] vectors, (string, string)[] images, IReadOnlyList<long> samples)
    {
        if (_drawn?.SequenceEqual(samples) != true)
        {
            using var sprite = new MemoryStream();
            SpriteSheet.Write(sprite, _content.Test!, new ImageDecoder(_content.TestOptions!.MaxPixels, _content.TestOptions.Decoder), samples);
            _projector.WriteImages(images, sprite.ToArray());
            _drawn = samples;
        }

        _projector.WriteVectors(step, vectors, samples.Count, SpriteSheet.CellOf(samples.Count));
    }

    private void Add(long step, string folder, IReadOnlyDictionary<string, double> values)
    {
        if (values.Count > 0)
        {
            _events.Add(step, values.Select(value => SummaryValues.Scalar(folder + value.Key, value.Value)));
        }
    }
}

/// <summary>What TensorBoard is shown of a run beside its numbers.</summary>
/// <param name="Name">What the run is called.</param>
/// <param name="Recipe">The recipe as YAML.</param>
/// <param name="Settings">Every setting by its path.</param>
/// <param name="ImagesEveryEpochs">A contact sheet at the beginning of every so many epochs.</param>
/// <param name="DrawViews">Draws it, of an epoch, as PNG; called from another thread.</param>
/// <param name="ProjectorImages">So many test images at most go to the projector.</param>
/// <param name="Test">The images that the encoder is judged by, or null.</param>
/// <param name="TestOptions">How they are read.</param>
internal sealed record BoardContent(
    string Name,
    string Recipe,
    IReadOnlyDictionary<string, string> Settings,
    int ImagesEveryEpochs,
    Action<long, Stream> DrawViews,
    int ProjectorImages,
    IImageSource? Test,
    ImageSourceOptions? TestOptions);
