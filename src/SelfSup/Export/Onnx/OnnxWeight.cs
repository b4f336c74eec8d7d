using SelfSup.Errors;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Export.Onnx;

/// <summary>A constant of a graph whose values are made when they are written, so that never more than one is in memory twice.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Type">Type of its values in the file.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Make">Makes its values, of any type and on any device.</param>
internal sealed record OnnxWeight(string Name, ScalarType Type, IReadOnlyList<long> Shape, Func<Tensor> Make)
{
    private const long Piece = 1L << 28; // a span of bytes has at most 2^31

    /// <summary>Bytes of its values.</summary>
    public long Length => Shape.Aggregate(1L, (product, size) => product * size) * Type.ElementSize();

    /// <summary>Writes its values, row-major and little-endian.</summary>
    /// <exception cref="RecipeException">A value is too large for the type.</exception>
    public void Write(Stream destination)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var made = Make().detach();
        if (!made.shape.SequenceEqual(Shape))
        {
            throw new InvalidOperationException($"'{Name}' is [{string.Join(", ", made.shape)}], announced as [{string.Join(", ", Shape)}]");
        }

        var flat = made.cpu().to(Type).contiguous().reshape(-1);
        if (Type == ScalarType.Float16 && (flat.isinf() & made.cpu().reshape(-1).isfinite()).any().item<bool>())
        {
            throw new RecipeException(
                $"--dtype float16: '{Name}' has values up to {made.nan_to_num(0, 0, 0).abs().max().ToDouble():G4}, must be below 65504 to be one; write float32");
        }

        for (long at = 0; at < flat.numel(); at += Piece)
        {
            destination.Write(flat.narrow(0, at, Math.Min(Piece, flat.numel() - at)).bytes);
        }
    }
}
