using System.Globalization;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>
/// Makes Parquet files in the layout of Hugging Face data sets from any image source. A pack that was stopped or killed
/// goes on with the row group it was at, and its files are byte for byte those of one that was not. They get their names
/// when all of them are whole.
/// </summary>
internal sealed class DatasetPacker(PackOptions options)
{
    /// <summary>Row groups are what is read, kept and mixed at once: small ones make a fine-grained order.</summary>
    private const long GroupBytes = 16L << 20;

    private const int GroupRows = 1000;

    /// <summary>Of the order; fixed, so that the same images make the same files.</summary>
    private const ulong Seed = 0;

    private readonly List<PackedImage> _group = [];
    private long _groupBytes;

    /// <summary>Packs, or goes on with it.</summary>
    /// <param name="progress">Told after each image, and once before the first.</param>
    /// <param name="cancellationToken">Stops after the current image; the row groups so far are kept.</param>
    /// <exception cref="RecipeException">The output cannot be written there, or is there already.</exception>
    /// <exception cref="DataException">There are no images, or one cannot be read and may not be left out.</exception>
    /// <exception cref="CheckpointException">An interrupted pack is of other settings or images.</exception>
    /// <exception cref="TrainingException">A file cannot be written, as on a full disk.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public PackReport Run(Action<PackProgress> progress, CancellationToken cancellationToken)
    {
        using var source = ImageSources.Open(options.Source);
        return new PackRun(new PackOutput(options.Output), options.Source, options.Overwrite)
            .Run(source, Settings(source), (folder, begun) => Write(folder, source, begun, progress, cancellationToken));
    }

    private PackJournal Write(
        PackFolder folder, IImageSource source, PackJournal journal, Action<PackProgress> progress, CancellationToken cancellationToken)
    {
        var order = Order(source);
        var work = new OrderedWork<PackedImage>(
            options.Workers, () => Worker(source, order), image => image.Bytes.Length);
        var unreadable = journal.Unreadable.ToList();
        var done = journal.Done;
        progress(new PackProgress(done, order.Length, unreadable.Count));
        foreach (var image in work.Run(journal.Done, order.Length, cancellationToken))
        {
            if (image.Error is { } error)
            {
                var where = source.Locate(order[done]);
                unreadable.Add(options.Source.OnUnreadable == OnUnreadable.Skip && !error.IsSourceLost
                    ? new UnreadableImage(where, SourceImage.Reason(error, where))
                    : throw error);
            }
            else
            {
                if (_group.Count == GroupRows || (_group.Count > 0 && _groupBytes + image.Bytes.Length > MostGroupBytes))
                {
                    journal = Flush(folder, source, journal, done, unreadable);
                }

                _group.Add(image);
                _groupBytes += image.Bytes.Length;
            }

            done++;
            progress(new PackProgress(done, order.Length, unreadable.Count));
        }

        if (_group.Count > 0)
        {
            journal = Flush(folder, source, journal, done, unreadable);
        }

        if (journal.Shards == 0)
        {
            throw new DataException(
                $"{options.Source.Path}: none of the {order.Length:N0} images can be read, the first because: "
                + $"{unreadable[0].Where}: {unreadable[0].Reason}; look at the data");
        }

        journal = journal with { Done = done, Unreadable = [.. unreadable], IsWhole = true };
        folder.Save(journal);
        return journal;
    }

    private Func<int, PackedImage> Worker(IImageSource source, int[] order)
    {
        var worker = new PackWorker(source, options);
        return position => worker.Make(order[position]);
    }

    /// <summary>Writes the row group that is full, to a new shard where it has no room in the one that is growing.</summary>
    private PackJournal Flush(
        PackFolder folder, IImageSource source, PackJournal journal, int done, IReadOnlyList<UnreadableImage> unreadable)
    {
        if (journal.Open is { } open && open.DataBytes + open.Footer.Length + _groupBytes > ShardBytes)
        {
            journal = journal with { FullShards = [.. journal.FullShards, open.Rows], Open = null };
        }

        var state = Shard(folder, source, journal.FullShards.Count).Append(_group, journal.Open);
        journal = journal with
        {
            Done = done,
            Open = state,
            Unreadable = [.. unreadable],
        };
        folder.Save(journal);
        _group.Clear();
        _groupBytes = 0;
        return journal;
    }

    private static ShardFile Shard(PackFolder folder, IImageSource source, int number) =>
        new(folder.Shard(number), source.ClassNames);

    /// <summary>
    /// The images in the order of their rows. Where the source is Parquet and larger than the cache, it is read window by
    /// window, as in training: an order all across it would read a row group for nearly every image.
    /// </summary>
    private int[] Order(IImageSource source) => options.Order == PackOrder.Shuffled
        ? SampleOrder.Epoch(Seed, epoch: 0, source.Count, source.BlockStarts, source.WindowBlocks)
        : [.. Enumerable.Range(0, source.Count)];

    private long ShardBytes => options.ShardMegabytes * (1L << 20);

    private long MostGroupBytes => Math.Min(GroupBytes, ShardBytes / 4);

    /// <summary>Everything that decides what is written, as the journal keeps it.</summary>
    private Dictionary<string, string> Settings(IImageSource source)
    {
        var settings = new Dictionary<string, string>
        {
            ["folder"] = Path.GetFullPath(options.Source.Path),
            ["order"] = options.Order.ToString().ToLowerInvariant(),
            ["shard-megabytes"] = options.ShardMegabytes.ToString(CultureInfo.InvariantCulture),
            ["max-pixels"] = options.Source.MaxPixels.ToString(CultureInfo.InvariantCulture),
            ["images"] = source.Count.ToString(CultureInfo.InvariantCulture),
            ["version of SelfSup"] = typeof(DatasetPacker).Assembly.GetName().Version!.ToString(),
        };
        if (options.ShortSide is { } shortSide)
        {
            settings["short-side"] = shortSide.ToString(CultureInfo.InvariantCulture);
            settings["quality"] = options.Quality.ToString(CultureInfo.InvariantCulture);
        }

        foreach (var (name, column) in new[] { ("image-column", options.Source.ImageColumn), ("label-column", options.Source.LabelColumn) })
        {
            if (column is not null)
            {
                settings[name] = column;
            }
        }

        return settings;
    }
}
