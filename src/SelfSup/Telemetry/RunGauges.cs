using System.Diagnostics.Metrics;

using SelfSup.Tensors;

namespace SelfSup.Telemetry;

/// <summary>Instruments that cost nothing until somebody reads them, at the moment of a scrape or an export.</summary>
internal sealed class RunGauges
{
    private volatile RunReadings? _run;

    /// <param name="meter">The meter of a run.</param>
    public RunGauges(Meter meter)
    {
        meter.CreateObservableUpDownCounter(
            "selfsup.data.queue.depth", () => OfRun(run => run.ReadyBatches()), "{batch}", "Batches that are ready and wait for a step");
        meter.CreateObservableCounter("selfsup.data.images.decoded", Decoded, "{image}", "Images that were read, by the path they came");
        meter.CreateObservableCounter(
            "selfsup.data.images.unreadable", () => OfRun(run => run.Unreadable()), "{image}", "Different images that were left out");
        meter.CreateObservableCounter(
            "selfsup.run.heartbeats", () => OfRun(run => run.Heartbeat.Beats), "{beat}", "Signs of life, of steps, evaluations and checkpoints");
        meter.CreateObservableCounter("selfsup.run.restarts", Restarts, "{restart}", "How often the run was started again");
        meter.CreateObservableUpDownCounter(
            "process.memory.usage", () => OfRun(_ => Environment.WorkingSet), "By", "Memory of the process that is in RAM");
        meter.CreateObservableUpDownCounter("selfsup.tensors.memory.usage", Tensors, "By", "Heap in use of libtorch and other native code");
        meter.CreateObservableGauge(
            "hw.gpu.utilization", () => OfGpu(gpu => gpu.Utilization), "1", "Share of the last moments in which the GPU computed");
        meter.CreateObservableUpDownCounter(
            "hw.gpu.memory.usage", () => OfGpu(gpu => (long?)gpu.UsedBytes), "By", "Memory of the GPU in use, of all processes");
        meter.CreateObservableUpDownCounter("hw.gpu.memory.limit", () => OfGpu(gpu => (long?)gpu.TotalBytes), "By", "Memory of the GPU");
    }

    /// <summary>Lets them tell of a run until what is returned is disposed.</summary>
    public IDisposable Of(RunReadings run)
    {
        _run = run;
        return new Reading(this, run);
    }

    private IEnumerable<Measurement<T>> OfRun<T>(Func<RunReadings, T> read)
        where T : struct => _run is { } run ? [new Measurement<T>(read(run))] : [];

    private IEnumerable<Measurement<long>> Decoded() =>
        _run is { } run
            ? [.. run.Decoded().Where(path => path.Images > 0).Select(path => new Measurement<long>(path.Images, Tag("selfsup.decoder", path.Path)))]
            : [];

    private IEnumerable<Measurement<long>> Restarts() => _run?.Restarts is { } restarts ? [new Measurement<long>(restarts)] : [];

    private IEnumerable<Measurement<long>> Tensors() => _run is not null && NativeHeap.Bytes is { } heap ? [new Measurement<long>(heap.InUse)] : [];

    private IEnumerable<Measurement<T>> OfGpu<T>(Func<GpuReading, T?> read)
        where T : struct => _run?.Gpu?.Invoke() is { } gpu
            && read(gpu) is { } value
            ? [new Measurement<T>(value, Tag("hw.id", gpu.Id), Tag("hw.name", gpu.Name), Tag("hw.vendor", "NVIDIA"))]
            : [];

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    /// <summary>Ends with the run; a later one is left alone.</summary>
    private sealed class Reading(RunGauges gauges, RunReadings run) : IDisposable
    {
        public void Dispose() => Interlocked.CompareExchange(ref gauges._run, null, run);
    }
}
