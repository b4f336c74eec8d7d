using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>How fast a device multiplies large matrices: what arithmetic can be asked of it at most.</summary>
internal static class MatrixSpeed
{
    private const double LongestSeconds = 0.2;
    private const int Repetitions = 5;
    private const int Smallest = 512;

    // Large enough for full speed, small enough for the memory of a small machine or GPU.
    private const int LargestOnCpu = 2048;
    private const int LargestOnGpu = 8192;

    /// <summary>Floating-point operations a second of the fastest of a few products, on as many threads as training uses.</summary>
    public static double Measure(Device device, Precision precision, TimeProvider time)
    {
        using var _ = no_grad();
        using var computing = Autocast.Enter(precision, device.type);
        var isCuda = device.type == TorchSharp.DeviceType.CUDA;
        for (var size = Smallest; ; size *= 2)
        {
            using var scope = NewDisposeScope();
            var type = precision == Precision.Bfloat16 ? bfloat16 : float32;
            var (left, right) = (ones(size, size, dtype: type, device: device), ones(size, size, dtype: type, device: device));
            var seconds = Fastest(() => left.matmul(right), device, time);
            if (!isCuda)
            {
                // Convolutions have another library on a CPU, often a faster one. With filters of one pixel it makes the
                // same product.
                var images = left.view(1, Smallest, size / Smallest, size).permute(0, 3, 1, 2);
                var filters = right.view(size, size, 1, 1);
                seconds = Math.Min(seconds, Fastest(() => nn.functional.conv2d(images, filters), device, time));
            }

            // One that is slow already would keep a machine without such arithmetic busy for minutes.
            if (seconds > LongestSeconds || size == (isCuda ? LargestOnGpu : LargestOnCpu))
            {
                return 2.0 * size * size * size / seconds;
            }
        }
    }

    /// <summary>Seconds of the fastest of a few times.</summary>
    private static double Fastest(Func<Tensor> product, Device device, TimeProvider time)
    {
        var best = double.PositiveInfinity;
        for (var i = 0; i < Repetitions; i++)
        {
            var started = time.GetTimestamp();
            using var result = product();
            if (device.type == TorchSharp.DeviceType.CUDA)
            {
                cuda.synchronize(device);
            }

            best = Math.Min(best, time.GetElapsedTime(started).TotalSeconds);
        }

        return best;
    }
}
