using System.Diagnostics;

using SelfSup.Augmentation;
using SelfSup.Images;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// The loader at work as in training, two views of each image, with a consumer that hands every batch back at once.
/// Measured are whole passes of so many steps that no batch is begun which is not counted.
/// </summary>
internal sealed class Workload : IDisposable
{
    private const ulong Seed = 1;

    private readonly ShuffledBatches _plan;
    private readonly ViewLoader _loader;
    private long _step;
    private long _steps = 1;

    /// <param name="source">The images; not disposed with the workload.</param>
    /// <param name="view">What makes both views.</param>
    /// <param name="workers">Threads that make views.</param>
    /// <param name="decoder">What decodes files.</param>
    public Workload(IImageSource source, ViewPipeline view, int workers, ImageLibrary? decoder = null)
    {
        _plan = new ShuffledBatches(Seed, source, Math.Min(32, source.Count), source.WindowBlocks);
        _loader = new ViewLoader(
            source, _plan, [view, view], new ViewLoaderOptions { Seed = Seed, Workers = workers, Decoder = decoder }, new());
    }

    /// <summary>
    /// Works until the JIT has seen where the time goes and has compiled that again, and finds out how many steps a
    /// measurement of the given length takes.
    /// </summary>
    public void WarmUp(double seconds)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed.TotalSeconds < Math.Max(3, seconds))
        {
            var pass = Measure();
            _steps = Math.Max(1, (long)Math.Round(_steps * Math.Min(4, seconds / pass.WallSeconds)));
        }
    }

    /// <summary>One measurement.</summary>
    public Measurement Measure()
    {
        var clock = Stopwatch.StartNew();
        var cpu = Environment.CpuUsage.TotalTime;
        foreach (var batch in _loader.From(_step, _step + _steps, CancellationToken.None))
        {
            batch.Dispose();
        }

        _step += _steps;
        return new Measurement(
            _steps * _plan.BatchSize,
            (Environment.CpuUsage.TotalTime - cpu).TotalSeconds,
            clock.Elapsed.TotalSeconds);
    }

    public void Dispose() => _loader.Dispose();
}
