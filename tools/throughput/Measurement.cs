namespace SelfSup.Tools.Throughput;

/// <summary>What was done in how long.</summary>
/// <param name="Images">Images, two views of each.</param>
/// <param name="CpuSeconds">CPU time of the whole process, user and system.</param>
/// <param name="WallSeconds">Time by the clock on the wall.</param>
internal readonly record struct Measurement(long Images, double CpuSeconds, double WallSeconds)
{
    public double ImagesPerCpuSecond => Images / CpuSeconds;

    public double ImagesPerSecond => Images / WallSeconds;
}
