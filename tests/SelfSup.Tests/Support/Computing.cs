using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>How tests compute where it is not what they are about.</summary>
internal static class Computing
{
    public static Compute Cpu { get; } = new(CPU, Precision.Float32);
}
