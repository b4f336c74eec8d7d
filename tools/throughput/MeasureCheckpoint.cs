using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

using SelfSup.Checkpoints;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>measure-checkpoint</c>: how long training stands still for a checkpoint of MoCo with a ResNet-50 (both encoders, momentum,
/// 65,536 keys), beside the time it takes to write, and how fast a state is saved and loaded beside <c>dd</c> on the same disk.
/// </summary>
internal static class MeasureCheckpoint
{
    public static Command Command()
    {
        var folder = new Argument<string>("folder") { Description = "A folder on the disk that is measured." };
        var checkpoints = Arguments.Count("--checkpoints", "Checkpoints that are written beside training.", 5);
        var images = Arguments.Count("--images", "N, images of a step.", 16);
        var size = Arguments.Count("--size", "S, their size in pixels.", 64);
        var megabytes = Arguments.Count("--megabytes", "The size of the state that is saved and loaded.", 1024);
        var threads = Arguments.Count("--threads", "Threads of libtorch.", Environment.ProcessorCount);
        var rounds = Arguments.Rounds();
        var command = new Command("measure-checkpoint", "How long a step waits for a checkpoint, and its speed beside dd.")
        {
            folder, checkpoints, images, size, megabytes, threads, rounds,
        };
        command.SetAction(parsed =>
        {
            set_num_threads(parsed.GetValue(threads));
            var place = Directory.CreateDirectory(Path.Combine(parsed.GetRequiredValue(folder), $".selfsup-measure-{Path.GetRandomFileName()}")).FullName;
            try
            {
                Report.Print(new JsonObject
                {
                    ["machine"] = Machine.Describe(),
                    ["versions"] = Machine.Versions(),
                    ["threads"] = parsed.GetValue(threads),
                    ["besideTraining"] = BesideTraining(place, parsed.GetValue(checkpoints), parsed.GetValue(images), parsed.GetValue(size)),
                    ["besideDd"] = BesideDd(place, parsed.GetValue(megabytes), parsed.GetValue(rounds)),
                });
            }
            finally
            {
                Directory.Delete(place, recursive: true);
            }

            return 0;
        });
        return command;
    }

    private static JsonObject BesideTraining(string folder, int checkpoints, int images, int size)
    {
        using var scope = NewDisposeScope();
        using var workload = new TrainingWorkload(
            new EncoderOptions { Backbone = "resnet50", Head = new HeadOptions { Hidden = 2048, Output = 128 } },
            new Compute(CPU, Precision.Bfloat16),
            [zeros(images, 3, size, size).uniform_(-1, 1), zeros(images, 3, size, size).uniform_(-1, 1)],
            context => new MoCo(new MoCoOptions { QueueLength = 65536 }, context));
        using var writer = new CheckpointWriter(
            new CheckpointStore(Path.Combine(folder, "checkpoints")), new CheckpointRetention(1, []), TimeSpan.Zero, TimeProvider.System);
        void Exchange(StateArchive archive) => archive.Part("run", workload);

        Report.Progress("warming up");
        _ = workload.WarmUp();
        writer.Reserve(Exchange);
        var (stalls, writes, beside, alone) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        long bytes = 0;
        for (var i = 1; i <= checkpoints; i++)
        {
            for (var step = 0; step < 3; step++)
            {
                alone.Add(Milliseconds(() => workload.Step()));
            }

            var stall = Milliseconds(() => writer.Begin(Manifest(i), Exchange));
            CheckpointNews? news = null;
            while ((news = writer.News().FirstOrDefault()) is null)
            {
                beside.Add(Milliseconds(() => workload.Step(() => stall += Milliseconds(writer.Settle))));
                writer.ThrowIfFailed();
            }

            stalls.Add(stall);

            writes.Add(news.Duration.TotalMilliseconds);
            bytes = news.Bytes;
            Report.Progress(string.Create(CultureInfo.InvariantCulture, $"checkpoint {i}: stood still {stalls[^1]:F1} ms, written in {writes[^1]:F0} ms"));
        }

        return Report.Table(
        [
            ("megabytes", Machine.Megabytes(bytes)), ("stoodStillMilliseconds", Report.Median(stalls)), ("largest", stalls.Max()),
            ("writeMilliseconds", Report.Median(writes)), ("share", Report.Median(stalls.Zip(writes, (stall, write) => stall / write))),
            ("stepMilliseconds", Report.Median(alone)), ("stepMillisecondsWhileWriting", Report.Median(beside)),
        ]);
    }

    private static JsonObject BesideDd(string folder, int megabytes, int rounds)
    {
        using var scope = NewDisposeScope();
        using var state = StateArchive.Saving();
        const int Parts = 16;
        for (var part = 0; part < Parts; part++)
        {
            using var values = zeros(megabytes * (1L << 18) / Parts).uniform_(-1, 1);
            state.Tensor(string.Create(CultureInfo.InvariantCulture, $"part{part}"), values);
        }

        var (saves, loads, verified, ddWrites, ddReads) =
            (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var (ours, theirs) = (Path.Combine(folder, "state.safetensors"), Path.Combine(folder, "dd"));
        for (var round = 0; round < rounds; round++)
        {
            ddWrites.Add(megabytes / Seconds(() => Dd("if=/dev/zero", $"of={theirs}", "bs=1M", $"count={megabytes}", "conv=fsync")));
            CheckpointFile file = null!;
            saves.Add(megabytes / Seconds(() => file = StateFile.Write(ours, state)));
            verified.Add(megabytes / Seconds(() => StateFile.Verify(ours, file)));
            Forget(theirs);
            ddReads.Add(megabytes / Seconds(() => Dd($"if={theirs}", "of=/dev/null", "bs=1M")));
            Forget(ours);
            loads.Add(megabytes / Seconds(() => StateFile.Read(ours, file).Dispose()));
            File.Delete(ours);
            File.Delete(theirs);
            Report.Progress(string.Create(
                CultureInfo.InvariantCulture, $"round {round}: saved {saves[^1]:F0} MB/s, dd {ddWrites[^1]:F0}; loaded {loads[^1]:F0}, dd reads {ddReads[^1]:F0}"));
        }

        return Report.Table(
        [
            ("megabytes", megabytes), ("saveMegabytesPerSecond", Report.Median(saves)), ("ddWithFsync", Report.Median(ddWrites)),
            ("saveRatio", Report.Median(saves.Zip(ddWrites, (a, b) => a / b))), ("saveRatioSmallest", saves.Zip(ddWrites, (a, b) => a / b).Min()),
            ("loadMegabytesPerSecond", Report.Median(loads)), ("ddReads", Report.Median(ddReads)),
            ("loadRatioToDdWithFsync", Report.Median(loads.Zip(ddWrites, (a, b) => a / b))),
            ("loadRatioToDdReads", Report.Median(loads.Zip(ddReads, (a, b) => a / b))),
            ("readBackMegabytesPerSecond", Report.Median(verified)),
        ]);
    }

    private static void Forget(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
        DurableFile.Forget(file.SafeFileHandle);
    }

    private static void Dd(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dd", arguments) { RedirectStandardError = true })!;
        _ = process.StandardError.ReadToEnd();
        process.WaitForExit();
    }

    private static double Milliseconds(Action action) => 1000 * Seconds(action);

    private static double Seconds(Action action)
    {
        var started = TimeProvider.System.GetTimestamp();
        action();
        return TimeProvider.System.GetElapsedTime(started).TotalSeconds;
    }

    private static CheckpointManifest Manifest(long step) => new()
    {
        Step = step,
        Epoch = 0,
        Written = TimeProvider.System.GetUtcNow(),
        RecipeHash = "",
        Recipe = new Dictionary<string, string>(),
        TrainingSeconds = 0,
        Seconds = 0,
        Evaluations = [],
        Threads = get_num_threads(),
        Versions = new Dictionary<string, string>(),
        Host = "",
    };
}
