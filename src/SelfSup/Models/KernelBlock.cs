using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>What kernels over channels work on at a time: four vectors.</summary>
internal static unsafe class KernelBlock
{
    public const int Vectors = 4;

    /// <summary>Wide rows in a tile: the sums of a block of channels stay in registers for so long.</summary>
    public const int TileRows = 16;

    public static int Lanes { get; } = Vectors * (Vector512.IsHardwareAccelerated ? Floats16.Count
        : Vector256.IsHardwareAccelerated ? Floats8.Count : Floats4.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (T V0, T V1, T V2, T V3) Four<T>(float* at)
        where T : unmanaged, IFloats<T> =>
        (T.Load(at), T.Load(at + T.Count), T.Load(at + (2 * T.Count)), T.Load(at + (3 * T.Count)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Keep<T>(float* at, T v0, T v1, T v2, T v3)
        where T : unmanaged, IFloats<T>
    {
        v0.Store(at);
        v1.Store(at + T.Count);
        v2.Store(at + (2 * T.Count));
        v3.Store(at + (3 * T.Count));
    }
}

/// <summary>Reads and writes activations.</summary>
/// <typeparam name="TStored">How they are stored.</typeparam>
internal static unsafe class Activations<TStored>
    where TStored : IStored
{
    public static float Value(byte* values, nint at)
    {
        float value;
        TStored.Load<Floats1>(values + (at * TStored.Bytes)).Store(&value);
        return value;
    }

    public static void Put(float value, byte* values, nint at) =>
        TStored.Store(new Floats1(value), values + (at * TStored.Bytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (T V0, T V1, T V2, T V3) Four<T>(byte* at)
        where T : unmanaged, IFloats<T> => (Load<T>(at, 0), Load<T>(at, 1), Load<T>(at, 2), Load<T>(at, 3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(byte* at, int vector)
        where T : unmanaged, IFloats<T> => TStored.Load<T>(at + ((nint)vector * T.Count * TStored.Bytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(byte* at, int vector, T values)
        where T : unmanaged, IFloats<T> => TStored.Store(values, at + ((nint)vector * T.Count * TStored.Bytes));
}
