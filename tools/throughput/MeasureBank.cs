using System.CommandLine;
using System.Text.Json.Nodes;

using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Negatives;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>measure-bank</c>: instance discrimination with a slot for each of ImageNet's images: how long the bank takes to make,
/// what the method's part of a step costs with drawn negatives and with the exact softmax, and how much memory is needed.
/// The network is left out: its embeddings are there already.
/// </summary>
internal static class MeasureBank
{
    public static Command Command()
    {
        var images = Arguments.Count("--images", "M, slots of the bank.", 1_281_167);
        var width = Arguments.Count("--width", "D, the width of an embedding.", 128);
        var batch = Arguments.Count("--batch", "N, images of a step.", 256);
        var negatives = Arguments.Count("--negatives", "K, slots that are drawn for each image.", 4096);
        var threads = Arguments.Count("--threads", "Threads of libtorch.", Environment.ProcessorCount);
        var rounds = Arguments.Rounds();
        var half = new Option<bool>("--bfloat16") { Description = "Slots are stored in bfloat16." };
        var command = new Command("measure-bank", "Start, steps and memory of instance discrimination on a bank of ImageNet's size.")
        {
            images, width, batch, negatives, threads, rounds, half,
        };
        command.SetAction(parsed =>
        {
            set_num_threads(parsed.GetValue(threads));
            var precision = parsed.GetValue(half) ? BankPrecision.Bfloat16 : BankPrecision.Float32;
            var before = Machine.ResidentMegabytes().Now;
            var result = new JsonObject
            {
                ["images"] = parsed.GetValue(images),
                ["width"] = parsed.GetValue(width),
                ["batch"] = parsed.GetValue(batch),
                ["precision"] = precision.ToString(),
                ["threads"] = parsed.GetValue(threads),
                ["machine"] = Machine.Describe(),
                ["versions"] = Machine.Versions(),
                ["bankMegabytes"] = Report.Rounded(
                    Machine.Megabytes(MemoryBank.Bytes(parsed.GetValue(images), parsed.GetValue(width), precision))),
            };
            foreach (var loss in new[] { InstanceLoss.Nce, InstanceLoss.Softmax })
            {
                var options = new InstanceDiscriminationOptions
                {
                    Loss = loss,
                    Negatives = loss == InstanceLoss.Nce ? parsed.GetValue(negatives) : null,
                    BankPrecision = precision,
                };
                result[loss.ToString()] = Measure(
                    options, parsed.GetValue(images), parsed.GetValue(width), parsed.GetValue(batch), parsed.GetValue(rounds));
            }

            result["peakMegabytesMoreThanBefore"] = Report.Rounded(Machine.ResidentMegabytes().Peak - before);
            Report.Print(result);
            return 0;
        });
        return command;
    }

    private static JsonObject Measure(InstanceDiscriminationOptions options, int images, int width, int batchSize, int rounds)
    {
        var started = TimeProvider.System.GetTimestamp();
        var context = new MethodContext(
            parts => new Encoder(nn.Identity(), nn.Linear(width, width), new EncoderWidths(width, width), parts), images, Communicator.Single);
        using var method = new InstanceDiscrimination(options, context);
        var start = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        Report.Progress($"{options.Loss}: bank made in {start:F1} s");
        var (steps, first) = (new List<double>(), 0.0);
        for (var step = 0; step <= rounds; step++)
        {
            using var scope = NewDisposeScope();
            var samples = (arange(batchSize, dtype: int64) + (step * batchSize)).remainder(images);
            using var batch = new ViewBatch(step, 0, samples, samples, []);
            started = TimeProvider.System.GetTimestamp();
            var learned = Encoder.Unit(ones(batchSize, width).add(samples.unsqueeze(1).to(float32).sin())).requires_grad_();
            Embeddings embeddings;
            using (no_grad())
            {
                embeddings = new Embeddings([learned], method.Target(batch));
            }

            GuardedBackward.Run(method.Compare(batch, embeddings));
            method.Commit(batch, embeddings);
            var milliseconds = TimeProvider.System.GetElapsedTime(started).TotalMilliseconds;
            Report.Progress($"{options.Loss}: step {step}, {milliseconds:F0} ms");
            if (step == 0)
            {
                first = milliseconds; // compiles code, and with nce estimates the normaliser
            }
            else
            {
                steps.Add(milliseconds);
            }
        }

        return Report.Table(
        [
            ("startSeconds", start), ("firstStepMilliseconds", first), ("stepMillisecondsMedian", Report.Median(steps)),
            ("smallest", steps.Min()), ("largest", steps.Max()),
        ]);
    }
}
