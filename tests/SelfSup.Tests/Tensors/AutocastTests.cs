using SelfSup.Tensors;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Tensors;

public sealed class AutocastTests
{
    /// <summary>The libtorch that comes with the packages has the symbols; another one may not.</summary>
    [Fact]
    public void LibtorchsOwnIsFound() => Assert.True(Autocast.IsNative);

    [Fact]
    public void ItIsTheThreadsOwnAndEndsWithItsScope()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(ScalarType.Float32, ProductType());
        using (Autocast.Enter(Precision.Bfloat16, DeviceType.CPU))
        {
            Assert.Equal(ScalarType.BFloat16, ProductType());
            Assert.Equal(Precision.Bfloat16, Autocast.Current(DeviceType.CPU));
            var elsewhere = ScalarType.Byte;
            var thread = new Thread(() => elsewhere = ProductType());
            thread.Start();
            thread.Join();
            Assert.Equal(ScalarType.Float32, elsewhere);
            using (Autocast.Enter(Precision.Float32, DeviceType.CPU))
            {
                Assert.Equal(ScalarType.Float32, ProductType());
            }

            Assert.Equal(ScalarType.BFloat16, ProductType());
        }

        Assert.Equal(ScalarType.Float32, ProductType());
        Assert.Equal(Precision.Float32, Autocast.Current(DeviceType.CPU));
    }

    [Fact]
    public void AnExceptionEndsIt()
    {
        static void Fail()
        {
            using var _ = Autocast.Enter(Precision.Bfloat16, DeviceType.CPU);
            throw new InvalidOperationException();
        }

        Assert.Throws<InvalidOperationException>(Fail);
        Assert.Equal(ScalarType.Float32, ProductType());
    }

    [Fact]
    public void WithoutLibtorchsLayersRoundThemselves()
    {
        using (Autocast.Enter(Precision.Bfloat16, DeviceType.CPU, native: false))
        {
            Assert.True(Autocast.RoundsOperands);
            Assert.Equal(Precision.Bfloat16, Autocast.Current(DeviceType.CPU));
            var elsewhere = true;
            var thread = new Thread(() => elsewhere = Autocast.RoundsOperands);
            thread.Start();
            thread.Join();
            Assert.False(elsewhere);
        }

        Assert.False(Autocast.RoundsOperands);
    }

    private static ScalarType ProductType()
    {
        using var scope = NewDisposeScope();
        return ones(4, 4).matmul(ones(4, 4)).dtype;
    }
}
