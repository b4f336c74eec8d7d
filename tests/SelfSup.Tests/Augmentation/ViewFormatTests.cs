using SelfSup.Augmentation;

using static TorchSharp.torch;

namespace SelfSup.Tests.Augmentation;

/// <summary>The same values in every format.</summary>
public sealed class ViewFormatTests
{
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void BatchesHoldTheSameValuesInEveryFormat(bool isBFloat16, bool channelsLast)
    {
        var expected = Batch(default);
        var actual = Batch(new ViewFormat(isBFloat16, channelsLast));
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.InRange(Math.Abs(expected[i] - actual[i]), 0, isBFloat16 ? Math.Abs(expected[i]) / 256 : 0);
        }

        float[] Batch(ViewFormat format)
        {
            using var source = RawImages.Random(8, 33, 21);
            using var loader = new ViewLoader(
                source, new SequentialBatches(8, 8), [Views.SimClr(25, blur: true)],
                new ViewLoaderOptions { Workers = 1, Seed = 3, Format = format }, new());
            using var scope = NewDisposeScope();
            foreach (var batch in loader.Pass(TestContext.Current.CancellationToken))
            {
                var view = batch.Views[0];
                Assert.Equal([8L, 3, 25, 25], view.shape);
                Assert.Equal(isBFloat16 && format != default ? ScalarType.BFloat16 : ScalarType.Float32, view.dtype);
                if (format.ChannelsLast)
                {
                    Assert.Equal([3L * 25 * 25, 1, 3 * 25, 3], view.stride());
                }

                var values = view.to(float32).contiguous().data<float>().ToArray();
                batch.Dispose();
                return values;
            }

            return [];
        }
    }
}
