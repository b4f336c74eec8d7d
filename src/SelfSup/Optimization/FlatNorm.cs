using static TorchSharp.torch;

namespace SelfSup.Optimization;

/// <summary>The Euclidean norm of many values.</summary>
internal static class FlatNorm
{
    // libtorch's norm of float32 adds up in float32: over 12 million equal values it is 0.8 % short.
    private const long RowLength = 4096;

    /// <summary>The norm of a contiguous tensor [Length], a scalar tensor that has not been waited for.</summary>
    public static Tensor Of(Tensor flat)
    {
        var rows = flat.numel() / RowLength;
        if (rows <= 1)
        {
            return flat.norm();
        }

        using var scope = NewDisposeScope();
        var inRows = flat.narrow(0, 0, rows * RowLength).view(rows, RowLength).norm(1, false, 2); // [rows]
        var rest = flat.narrow(0, rows * RowLength, flat.numel() - (rows * RowLength)).norm().reshape(1);
        return cat([inRows, rest]).norm().MoveToOuterDisposeScope();
    }
}
