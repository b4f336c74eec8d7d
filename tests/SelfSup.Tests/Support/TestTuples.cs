using SelfSup.Augmentation;
using SelfSup.Methods;

using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>Listed pairs for the tests that run for every method, one of which learns from them.</summary>
internal static class TestTuples
{
    private const ulong Seed = 3;

    /// <summary>Each of so many images with the one two places on, which is of the same class where there are two in turn.</summary>
    public static TupleBatches Of(int images, int batchSize) => new(
        Seed, new TupleList([.. Enumerable.Range(0, images)], [.. Enumerable.Range(0, images).Select(i => (i + 2) % images)], [], []), batchSize);

    /// <summary>The images of a step's batch: those of its pairs where the method learns from pairs.</summary>
    public static Tensor Samples(Method method, int images, long step, Tensor otherwise)
    {
        if (!method.NeedsTuples)
        {
            return otherwise;
        }

        var indices = new int[otherwise.shape[0]];
        _ = Of(images, indices.Length).Fill(step, indices);
        return tensor(indices).to(int64);
    }
}
