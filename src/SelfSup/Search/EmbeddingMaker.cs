using System.Globalization;
using System.Security.Cryptography;
using System.Text;

using SelfSup.Augmentation;
using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Images;

namespace SelfSup.Search;

/// <summary>
/// Makes Parquet files of what an encoder makes of the images of a source, in the source's order. What was stopped or killed goes on
/// with the row group it was at, and its files are byte for byte those of one that was not, on any number of devices of one kind. They
/// get their names when all of them are whole.
/// </summary>
/// <param name="options">What is made.</param>
/// <param name="devices">The copies of the encoder, all on devices of one kind.</param>
/// <param name="views">The pipeline of each view.</param>
/// <param name="seed">Of the views that are random.</param>
internal sealed class EmbeddingMaker(EmbedOptions options, IReadOnlyList<EmbedDevice> devices, IReadOnlyList<ViewPipeline> views, ulong seed)
{
    /// <summary>A journal keeps longer settings, such as recipes, by their hash.</summary>
    private const int LongestShown = 80;

    /// <summary>Makes them, or goes on with it.</summary>
    /// <param name="network">What files say of the network.</param>
    /// <param name="progress">Told after each batch, and once before the first.</param>
    /// <param name="cancellationToken">Stops after the current batch; the row groups so far are kept.</param>
    /// <exception cref="RecipeException">The output cannot be written there, or is there already.</exception>
    /// <exception cref="DataException">
    /// There are no images, one cannot be read and may not be left out, or what the network makes of it is no number.
    /// </exception>
    /// <exception cref="CheckpointException">What was interrupted is of another network, of other settings or images.</exception>
    /// <exception cref="TrainingException">A file cannot be written, as on a full disk.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public PackReport Run(EmbeddingNetwork network, Action<PackProgress> progress, CancellationToken cancellationToken)
    {
        using var source = ImageSources.Open(options.Source);
        // Part of it holds for the whole process: while it is on from here, no thread that is done takes it from one that is not.
        using var precision = devices[0].Compute.Enter();
        var facts = new EmbeddingFacts
        {
            Network = network,
            Of = options.Of,
            Dimension = Width,
            UnitLength = IsUnit,
            Views = options.Views,
            Precision = devices[0].Compute.Precision,
            Images = options.Source.Path,
            ImageColumn = options.Source.ImageColumn,
            LabelColumn = options.Source.LabelColumn,
            MaxPixels = options.Source.MaxPixels,
            Fingerprint = source.Files.Fingerprint(),
        };
        return new PackRun(new PackOutput(options.Output, "embedding"), options.Source, options.Overwrite)
            .Run(source, Settings(source, facts), (folder, begun) => Write(folder, source, begun, facts, progress, cancellationToken));
    }

    private bool IsUnit => options.Normalize || options.Of == Representation.Embeddings;

    private int Width => (int)(options.Of == Representation.Features
        ? devices[0].Encoder.Widths.Judged
        : devices[0].Encoder.Widths.Embedding);

    /// <summary>Images in the network at once: memory does not grow with the number of views.</summary>
    private int BatchImages => Math.Max(1, options.BatchSize / options.Views);

    private PackJournal Write(
        PackFolder folder, IImageSource source, PackJournal begun, EmbeddingFacts facts, Action<PackProgress> progress, CancellationToken cancellationToken)
    {
        var unreadable = new UnreadableImages();
        // What a batch holds is a function of its place in the source, so that what goes on computes what was lost in the same batches.
        var plan = new SequentialBatches(source.Count, BatchImages);
        using var loader = Loader(source, plan, unreadable);
        using var embedder = new BatchEmbedder(devices, options.Of, IsUnit && (options.Of == Representation.Features || options.Views > 1));
        using var writer = new GroupWriter(
            folder, new EmbeddingLayout(Width, options.IsHalf, source.ClassNames), facts.Metadata(), options.ShardRows, begun);
        var (step, done) = ((long)(begun.Done / plan.BatchSize), begun.Done);
        progress(new PackProgress(done, source.Count, begun.Unreadable.Count));
        foreach (var batch in embedder.Embed(loader.Steps(step, plan.StepsPerEpoch, cancellationToken)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (var row = 0; row < batch?.Samples.Length; row++)
            {
                var sample = (int)batch.Samples[row];
                if (sample < begun.Done)
                {
                    continue;
                }

                var embedding = batch.Values.AsSpan(row * batch.Width, batch.Width);
                RequireNumbers(source, sample, embedding);
                writer.Rows.Add(source.Row(sample), source.Address(sample), source.Label(sample), embedding);
                if (writer.IsFull)
                {
                    writer.Flush(sample + 1, LeftOut(sample + 1));
                }
            }

            done = (int)Math.Min(source.Count, ++step * plan.BatchSize);
            progress(new PackProgress(done, source.Count, begun.Unreadable.Count + unreadable.Count));
        }

        cancellationToken.ThrowIfCancellationRequested(); // who asks in the last batch is told that it was stopped, as in any other
        var journal = writer.Finish(source.Count, LeftOut(source.Count));
        return journal.IsWhole ? journal : throw new DataException(
            $"{options.Source.Path}: none of the {source.Count:N0} images can be read, the first because: "
            + $"{LeftOut(source.Count)[0].Where}: {LeftOut(source.Count)[0].Reason}; look at the data");

        IReadOnlyList<UnreadableImage> LeftOut(int end) =>
        [
            .. begun.Unreadable,
            .. unreadable.Snapshot(begun.Done, end).Select(image => image with { Reason = SourceImage.WithoutRemedy(image.Reason) }),
        ];
    }

    private ViewLoader Loader(IImageSource source, BatchPlan plan, UnreadableImages unreadable) => new(
        source,
        plan,
        views,
        new ViewLoaderOptions
        {
            Seed = seed,
            Workers = options.Workers,
            Prefetch = BatchEmbedder.Window(devices.Count) + 2,
            OnUnreadable = options.Source.OnUnreadable,
            MaxPixels = options.Source.MaxPixels,
            Decoder = options.Source.Decoder,
            Format = devices[0].Compute.Views,
            PinnedMemory = devices[0].Compute.IsCuda,
        },
        unreadable);

    private void RequireNumbers(IImageSource source, int sample, ReadOnlySpan<float> embedding)
    {
        foreach (var number in embedding)
        {
            if (!float.IsFinite(number))
            {
                throw new DataException(
                    $"{source.Locate(sample)}: what the network makes of it is NaN or infinite, must be finite; its training has diverged, or images are "
                    + "not normalised as in training");
            }

            if (options.IsHalf && Half.IsInfinity((Half)number))
            {
                throw new DataException(
                    $"{source.Locate(sample)}: a feature is {number}, float16 ends at {Half.MaxValue}; write float32, or bring features to unit length by --normalize");
            }
        }
    }

    /// <summary>Everything that decides what is written, as the journal keeps it.</summary>
    private Dictionary<string, string> Settings(IImageSource source, EmbeddingFacts facts)
    {
        const string Prefix = "selfsup.";
        static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
        static string Short(string value) => value.Length <= LongestShown ? value : "sha256 " + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)));
        var settings = facts.Metadata().Where(entry => entry.Key != EmbeddingFacts.FingerprintKey) // changed images are told from changed settings
            .ToDictionary(entry => entry.Key.Replace(Prefix, "", StringComparison.Ordinal), entry => Short(entry.Value));
        settings["images"] = Path.GetFullPath(options.Source.Path);
        settings["number of images"] = Text(source.Count);
        settings["dtype"] = options.IsHalf ? "float16" : "float32";
        settings["batch-size"] = Text(options.BatchSize);
        settings["device"] = devices[0].Compute.IsCuda ? "GPU" : "CPU";
        settings["decoder"] = options.Source.Decoder?.ToString() ?? "default";
        settings["shard-rows"] = Text(options.ShardRows);
        settings["seed"] = seed.ToString(CultureInfo.InvariantCulture);
        settings["program"] = typeof(EmbeddingMaker).Assembly.GetName().Version!.ToString();
        return settings;
    }
}
