using System.Diagnostics.Metrics;

using Microsoft.Extensions.DependencyInjection;

using SelfSup.Telemetry;

namespace SelfSup.Tests.Telemetry;

public sealed class RunGaugesTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly TrainingMetrics _metrics;
    private readonly MeterListener _listener = new();
    private readonly List<(string Name, double Value, string Tags)> _read = [];

    public RunGaugesTests()
    {
        _metrics = new TrainingMetrics(_services.GetRequiredService<IMeterFactory>());
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == _services.GetRequiredService<IMeterFactory>())
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public void Dispose()
    {
        _listener.Dispose();
        _services.Dispose();
    }

    [Fact]
    public void TheyTellOfARunUntilItEnds()
    {
        _listener.RecordObservableInstruments();
        Assert.Empty(_read);

        var (ready, heartbeat) = (2, new Heartbeat());
        heartbeat.Beat("testing");
        using (_metrics.Gauges.Of(new RunReadings
        {
            Heartbeat = heartbeat,
            ReadyBatches = () => ready,
            Decoded = () => [("selfsup", 7), ("raw", 0), ("skia_sharp", 3)],
            Unreadable = () => 5,
            Restarts = 4,
            Gpu = () => new GpuReading("GPU-1", "H100", 0.25, 10, 80),
        }))
        {
            _listener.RecordObservableInstruments();
            Assert.Equal(2, Value("selfsup.data.queue.depth"));
            Assert.Equal(5, Value("selfsup.data.images.unreadable"));
            Assert.Equal((1d, 4d), (Value("selfsup.run.heartbeats"), Value("selfsup.run.restarts")));
            Assert.Equal(
                [(7, "selfsup.decoder=selfsup"), (3, "selfsup.decoder=skia_sharp")],
                _read.Where(read => read.Name == "selfsup.data.images.decoded").Select(read => (read.Value, read.Tags)));
            Assert.Equal(
                [0.25, 10, 80], new[] { "hw.gpu.utilization", "hw.gpu.memory.usage", "hw.gpu.memory.limit" }.Select(Value));
            Assert.Equal("hw.id=GPU-1 hw.name=H100 hw.vendor=NVIDIA", _read.Single(read => read.Name == "hw.gpu.utilization").Tags);
            Assert.True(Value("process.memory.usage") > 1e6);
        }

        _read.Clear();
        _listener.RecordObservableInstruments();
        Assert.Empty(_read);
    }

    [Fact]
    public void WhatARunDoesNotHaveIsNotThere()
    {
        using var reading = _metrics.Gauges.Of(new RunReadings
        {
            Heartbeat = new Heartbeat(),
            ReadyBatches = () => 0,
            Decoded = () => [],
            Unreadable = () => 0,
            Gpu = () => new GpuReading("GPU-1", "part of one", null, 10, 80),
        });
        _listener.RecordObservableInstruments();
        Assert.DoesNotContain(_read, read => read.Name is "selfsup.run.restarts" or "hw.gpu.utilization");
        Assert.Equal(80, Value("hw.gpu.memory.limit"));
    }

    [Fact]
    public void FactsOfStoresAreInstrumentsOfTheirOwn()
    {
        _metrics.Embeddings(
            new Dictionary<string, double> { ["effectiveRank"] = 3, ["somethingNew"] = 4 },
            new Dictionary<string, double> { ["queueAgeSteps"] = 2.5, ["queueOldestSteps"] = 4, ["bankFilled"] = 0.5, ["informationBound"] = 1.5 });
        Assert.Equal(
            [
                ("selfsup.embeddings.effective_rank", 3, ""), ("selfsup.memory.age", 2.5, "selfsup.store=queue"),
                ("selfsup.memory.filled", 0.5, "selfsup.store=bank"), ("selfsup.memory.oldest", 4, "selfsup.store=queue"),
                ("selfsup.method.fact", 1.5, "selfsup.fact=informationBound"),
            ],
            _read.OrderBy(read => read.Name, StringComparer.Ordinal));
    }

    [Fact]
    public void PartsOfAStepAreToldByTheirNames()
    {
        var times = new StepTimes();
        times[StepPart.DataWait] = 1;
        times[StepPart.Compare] = 2;
        times[StepPart.AllReduce] = 3;
        times[StepPart.Checkpoint] = 4;
        times[StepPart.Evaluation] = 5; // after the step
        _metrics.Parts(times);
        Assert.Equal(StepTimes.Parts.Count + 1, _read.Count);
        Assert.Equal(10, _read.Sum(read => read.Value));
        Assert.Contains(("selfsup.training.step.part.duration", 1d, "selfsup.step.part=data_wait"), _read);
        Assert.Contains(("selfsup.training.step.part.duration", 2d, "selfsup.step.part=loss"), _read);
        Assert.Contains(("selfsup.training.step.part.duration", 3d, "selfsup.step.part=all_reduce"), _read);
        Assert.Contains(("selfsup.training.step.part.duration", 4d, "selfsup.step.part=checkpoint"), _read);
    }

    private double Value(string name) => _read.Single(read => read.Name == name).Value;

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        _read.Add((instrument.Name, value, string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))));
}
