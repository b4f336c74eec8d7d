using System.Diagnostics.Metrics;

using BenchmarkDotNet.Attributes;

using Microsoft.Extensions.DependencyInjection;

using SelfSup.Telemetry;

namespace SelfSup.Benchmarks;

/// <summary>What a step tells its instruments: where nobody listens, and where somebody does.</summary>
[MemoryDiagnoser]
public class TelemetryBenchmarks : IDisposable
{
    private ServiceProvider _services = null!;
    private TrainingMetrics _metrics = null!;
    private StepClock _clock = null!;
    private MeterListener? _listener;
    private double _sum;

    [Params(false, true)]
    public bool Listens { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        _metrics = new TrainingMetrics(_services.GetRequiredService<IMeterFactory>());
        _clock = new StepClock(TimeProvider.System, keepsSteps: false);
        if (Listens)
        {
            _listener = new MeterListener { InstrumentPublished = (instrument, listener) => listener.EnableMeasurementEvents(instrument) };
            _listener.SetMeasurementEventCallback<double>((_, value, _, _) => _sum += value);
            _listener.SetMeasurementEventCallback<long>((_, value, _, _) => _sum += value);
            _listener.Start();
        }
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _listener?.Dispose();
        _services.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public void Step()
    {
        foreach (var part in StepTimes.Parts)
        {
            _clock.Lap(part);
        }

        _metrics.Step(new StepReading(1, 0.1, 2, 3, 0.5, 0.2, 0.01, 128));
        _metrics.Parts(_clock.Current);
    }
}
