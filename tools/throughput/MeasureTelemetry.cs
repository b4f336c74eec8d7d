using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;

using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Telemetry;
using SelfSup.Training;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>measure-telemetry</c>: what a step of a real run costs with metrics and spans exported, beside one with nobody listening, rounds of steps in
/// turn, in one run; and what it costs to send all metrics once and have them read once, as happens every 15 to 60 seconds.
/// </summary>
internal static class MeasureTelemetry
{
    private const int StepsToWarmUp = 60;

    public static Command Command()
    {
        var recipe = new Argument<string>("recipe") { Description = "What is trained; it is not trained to its end." };
        var set = new Option<string[]>("--set") { Description = "Settings that replace those of the recipe.", DefaultValueFactory = _ => [] };
        var steps = Arguments.Count("--steps", "Steps of a round.", 20);
        var rounds = Arguments.Count("--rounds", "Rounds with exporters, and as many without.", 15);
        var threads = Arguments.Count("--threads", "Threads of libtorch.", 1);
        var command = new Command("measure-telemetry", "Steps with OTLP, Prometheus and traces on beside steps without, in turn.")
        {
            recipe, set, steps, rounds, threads,
        };
        command.SetAction(parsed =>
        {
            using var measured = new Rounds(parsed.GetValue(steps), parsed.GetValue(rounds));
            var folder = Directory.CreateTempSubdirectory("selfsup-telemetry-").FullName;
            try
            {
                measured.Run(parsed.GetRequiredValue(recipe), parsed.GetValue(set)!, parsed.GetValue(threads), Path.Combine(folder, "run"));
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }

            Report.Print(measured.Result(parsed.GetRequiredValue(recipe), parsed.GetValue(threads)));
            return 0;
        });
        return command;
    }

    /// <summary>Hears of every step, on the thread that trains, and switches exporters between rounds.</summary>
    private sealed class Rounds(int steps, int rounds) : IRunProgress, IDisposable
    {
        private readonly List<(double On, double Off)> _wall = []; // milliseconds a step
        private readonly List<(double On, double Off)> _cpu = [];
        private readonly CancellationTokenSource _enough = new();
        private readonly List<(bool IsOn, double Wall, double Cpu)> _pair = [];
        private readonly List<double> _exports = []; // milliseconds of CPU time
        private double _unheard; // microseconds of what a step tells, where nobody listens
        private double _heard; // and where all do
        private TelemetrySink? _sink;
        private (long Wall, TimeSpan Cpu) _started;
        private long _next = StepsToWarmUp;
        private bool _isOn = true;
        private (long Requests, long Scrapes) _served;

        public void Run(string path, string[] set, int threads, string folder)
        {
            var reader = new RecipeReader();
            var recipe = reader.Read(path, new Dictionary<string, string>(), [.. set, "run.threads=" + threads.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            recipe.Training.Epochs = 1_000_000;
            recipe.Evaluation.Test = null;
            recipe.Checkpoint.EveryEpochs = int.MaxValue;
            recipe.Checkpoint.EverySteps = null;
            using var meters = new Meters();
            var metrics = new TrainingMetrics(meters);
            using var run = Pretraining.Create(recipe, reader, folder, this, metrics, TimeProvider.System);
            _ = run.Run(_enough.Token);
            _sink?.Dispose();
            _sink = null;
            _unheard = Microseconds(metrics);
            using (new TelemetrySink())
            {
                _heard = Microseconds(metrics);
            }
        }

        public void Dispose()
        {
            _sink?.Dispose();
            _enough.Dispose();
        }

        public JsonObject Result(string recipe, int threads)
        {
            JsonObject Side(List<(double On, double Off)> pairs)
            {
                double[] ratios = [.. pairs.Select(pair => pair.On / pair.Off)];
                double[] sorted = [.. ratios.Order()];
                return Report.Table(
                [
                    ("stepMilliseconds", Report.Median(pairs.Select(pair => pair.Off))), ("withExporters", Report.Median(pairs.Select(pair => pair.On))),
                    ("ratioMedian", Report.Median(ratios)), ("quarter", sorted[sorted.Length / 4]), ("threeQuarters", sorted[^(1 + (sorted.Length / 4))]),
                ]);
            }

            return new JsonObject
            {
                ["recipe"] = Path.GetFileName(recipe),
                ["threads"] = threads,
                ["stepsOfARound"] = steps,
                ["rounds"] = rounds,
                ["exportsReceived"] = _served.Requests,
                ["scrapes"] = _served.Scrapes,
                ["wall"] = Side(_wall),
                ["cpuOfAllThreads"] = Side(_cpu),
                ["microsecondsOfAStepWithout"] = Report.Rounded(_unheard),
                ["microsecondsOfAStepWithExporters"] = Report.Rounded(_heard),
                ["exportAndScrapeCpuMilliseconds"] = Report.Rounded(Report.Median(_exports)),
                ["machine"] = Machine.Describe(),
                ["versions"] = Machine.Versions(),
            };
        }

        public void Stepped(StepProgress progress)
        {
            var step = progress.Report.Step;
            if (step < _next)
            {
                return;
            }

            var now = (Stopwatch.GetTimestamp(), Process.GetCurrentProcess().TotalProcessorTime);
            if (step > StepsToWarmUp)
            {
                _pair.Add((_isOn, Stopwatch.GetElapsedTime(_started.Wall, now.Item1).TotalMilliseconds / steps, (now.TotalProcessorTime - _started.Cpu).TotalMilliseconds / steps));
                if (_pair.Count == 2)
                {
                    var (on, off) = (_pair.Single(round => round.IsOn), _pair.Single(round => !round.IsOn));
                    _wall.Add((on.Wall, off.Wall));
                    _cpu.Add((on.Cpu, off.Cpu));
                    Report.Progress($"round {_wall.Count}: {on.Wall:F3} ms with exporters, {off.Wall:F3} ms without");
                    _pair.Clear();
                }
                else
                {
                    _isOn = !_isOn; // the next pair begins with what this one ends with
                }
            }

            if (_wall.Count == rounds)
            {
                _enough.Cancel();
                return;
            }

            Switch();
            _next = step + steps;
            _started = (Stopwatch.GetTimestamp(), Process.GetCurrentProcess().TotalProcessorTime);
        }

        public void Started(RunStart start)
        {
        }

        public void Evaluating(long step)
        {
        }

        public void Evaluated(long step, double epoch, IReadOnlyDictionary<string, double> values, TimeSpan duration)
        {
        }

        public void Saved(long step, string path)
        {
        }

        public void Warn(string message) => Report.Progress(message);

        /// <summary>What a step tells its clock and its instruments, the median of many.</summary>
        private static double Microseconds(TrainingMetrics metrics)
        {
            const int Steps = 2000;
            var clock = new StepClock(TimeProvider.System, keepsSteps: false);
            var measured = new List<double>();
            for (var turn = 0; turn < 50; turn++)
            {
                var started = Stopwatch.GetTimestamp();
                for (var step = 0; step < Steps; step++)
                {
                    foreach (var part in StepTimes.Parts)
                    {
                        clock.Lap(part);
                    }

                    metrics.Step(new StepReading(1, 0.1, 2, 3, 0.5, 0.2, 0.01, 128));
                    metrics.Parts(clock.Current);
                }

                measured.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds / Steps);
            }

            return Report.Median(measured);
        }

        private void Switch()
        {
            if (_isOn == (_sink is not null))
            {
                return;
            }

            if (_isOn)
            {
                _sink = new TelemetrySink();
                return;
            }

            var before = Process.GetCurrentProcess().TotalProcessorTime;
            _sink!.Export();
            _exports.Add((Process.GetCurrentProcess().TotalProcessorTime - before).TotalMilliseconds);
            _sink.Dispose();
            _served = (_served.Requests + _sink.Requests, _served.Scrapes + _sink.Scrapes);
            _sink = null;
        }
    }
}
