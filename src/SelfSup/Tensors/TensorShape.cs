using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>Arithmetic on shapes of files, which nobody has checked yet.</summary>
internal static class TensorShape
{
    /// <summary>Bytes of a value.</summary>
    public static int Size(ScalarType type) => type switch
    {
        ScalarType.Float64 or ScalarType.Int64 => 8,
        ScalarType.Float32 or ScalarType.Int32 => 4,
        ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Int16 => 2,
        _ => 1,
    };

    /// <summary>How many values a shape has; null where it has negative sizes, or more than a file can hold without its sizes of 0.</summary>
    public static long? Count(IEnumerable<long> shape)
    {
        // Without the zeros too: libtorch multiplies the others for the strides of an empty tensor.
        var (count, empty) = (1L, false);
        foreach (var size in shape)
        {
            if (size < 0 || (size > 0 && count > (1L << 56) / size))
            {
                return null;
            }

            count *= Math.Max(size, 1);
            empty |= size == 0;
        }

        return empty ? 0 : count;
    }

    /// <summary>Bytes of a tensor; null where <see cref="Count"/> is.</summary>
    public static long? Bytes(IEnumerable<long> shape, ScalarType type) => Count(shape) * Size(type);
}
