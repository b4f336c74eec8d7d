using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;

using SelfSup.Augmentation;
using SelfSup.Images;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>stream-parquet FILE_OR_FOLDER</c>: SimCLR's views of images that do not fit into memory, and what memory that takes
/// beside what was allowed.
/// </summary>
internal static class StreamParquet
{
    private const ulong Seed = 1;
    private const int WarmUpImages = 2000;
    private const int BatchSize = 64;
    private const int ViewsOfEach = 2;

    public static Command Command()
    {
        var path = new Argument<string>("path") { Description = "A Parquet file, or a folder or pattern of them" };
        var images = Arguments.Count("--images", "How many images are measured.", 20_000);
        var cache = Arguments.Count("--cache-megabytes", "Memory for row groups that are kept.", 256);
        var workers = Arguments.Count("--workers", "Threads that make views.", new ViewLoaderOptions().Workers);
        var command = new Command(
            "stream-parquet", "Images a second, allocations and resident memory of reading Parquet.")
        {
            path, images, cache, workers,
        };
        command.SetAction(parsed => Run(
            new ImageSourceOptions { Path = parsed.GetRequiredValue(path), CacheMegabytes = parsed.GetValue(cache) },
            parsed.GetValue(images),
            parsed.GetValue(workers)));
        return command;
    }

    private static int Run(ImageSourceOptions data, int images, int workers)
    {
        var atStart = Machine.ResidentMegabytes().Now;
        using var source = ImageSources.Open(data);
        var options = new ViewLoaderOptions { Seed = Seed, Workers = workers, MaxPixels = data.MaxPixels };
        var view = Views.SimClr224();
        var plan = new ShuffledBatches(Seed, source, Math.Min(BatchSize, source.Count), source.WindowBlocks);
        using var loader = new ViewLoader(source, plan, [view, view], options, new());

        var warmUp = Steps(WarmUpImages);
        var end = warmUp + Steps(images);
        var (clock, allocated, resident, step) = (new Stopwatch(), 0L, 0.0, 0L);
        // Batches are begun ahead; some more steps than are measured, so that at its end as many are as at its beginning.
        foreach (var batch in loader.From(0, end + options.Prefetch, CancellationToken.None))
        {
            batch.Dispose();
            step++;
            if (step == warmUp)
            {
                (allocated, resident) = (GC.GetTotalAllocatedBytes(precise: true), Machine.ResidentMegabytes().Now);
                clock.Start();
            }
            else if (step == end)
            {
                clock.Stop();
                allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
                break;
            }

            if (step % 16 == 0)
            {
                Report.Progress($"{step * plan.BatchSize:N0} of {end * plan.BatchSize:N0} images");
            }
        }

        var measured = (end - warmUp) * plan.BatchSize;
        var (atEnd, peak) = Machine.ResidentMegabytes();
        var side = (long)view.OutputSize!.Value;
        var batches = Machine.Megabytes(options.Prefetch * plan.BatchSize * ViewsOfEach * 3 * side * side * sizeof(float));
        Report.Print(new JsonObject
        {
            ["images"] = measured,
            ["imagesInSource"] = source.Count,
            ["workers"] = workers,
            ["machine"] = Machine.Describe(),
            ["versions"] = Machine.Versions(),
            ["imagesPerSecond"] = Report.Rounded(measured / clock.Elapsed.TotalSeconds),
            ["allocatedBytesPerImage"] = Report.Rounded(allocated / (double)measured),
            ["residentMegabytes"] = Report.Table(
                [("atStart", atStart), ("afterWarmUp", resident), ("atEnd", atEnd), ("peak", peak)]),
            ["budgetMegabytes"] = Report.Table(
                [("cache", data.CacheMegabytes), ("batches", batches), ("sum", data.CacheMegabytes + batches)]),
        });
        return 0;

        long Steps(int count) => ((count - 1) / plan.BatchSize) + 1;
    }
}
