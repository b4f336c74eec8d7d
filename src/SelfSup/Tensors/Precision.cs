namespace SelfSup.Tensors;

/// <summary>What convolutions and matrix products are computed in. Weights, gradients and losses are float32 in each.</summary>
internal enum Precision
{
    /// <summary>float32 everywhere.</summary>
    Float32,

    /// <summary>Their operands are rounded to bfloat16 (8 bits of mantissa), sums are float32.</summary>
    Bfloat16,

    /// <summary>Their operands are rounded to 10 bits of mantissa by the tensor cores of a CUDA device.</summary>
    Tf32,
}
