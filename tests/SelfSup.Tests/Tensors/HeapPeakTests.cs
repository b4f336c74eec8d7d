using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tests.Tensors;

public sealed class HeapPeakTests
{
    [Fact]
    public void ItIsTheMostThatWasInUse()
    {
        Assert.SkipWhen(NativeHeap.Bytes is null, "this C library does not say what is in use");
        const int Megabyte = 1 << 20;
        using var before = zeros(30 * Megabyte, dtype: uint8);
        using var peak = new HeapPeak();
        using (zeros(100 * Megabyte, dtype: uint8))
        {
            Assert.True(SpinWait.SpinUntil(() => peak.Growth >= 99 * Megabyte, TimeSpan.FromSeconds(30)), "nobody looked");
        }

        using var after = zeros(10 * Megabyte, dtype: uint8);
        peak.Dispose();
        Assert.InRange(peak.Growth!.Value / (double)Megabyte, 99, 105);
    }
}
