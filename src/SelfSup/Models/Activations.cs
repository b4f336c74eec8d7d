using System.Runtime.CompilerServices;

using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>Reads and writes activations, and the numbers that kernels have for each lane.</summary>
/// <typeparam name="TStored">How activations are stored.</typeparam>
internal static unsafe class Activations<TStored>
    where TStored : IStored
{
    /// <summary>Where the value of an index is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* At(byte* values, nint index) => values + (index * TStored.Bytes);

    public static float Value(byte* values, nint index)
    {
        float value;
        TStored.Load<Floats1>(At(values, index)).Store(&value);
        return value;
    }

    public static void Put(float value, byte* values, nint index) => TStored.Store(new Floats1(value), At(values, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (T V0, T V1, T V2, T V3) Four<T>(byte* at)
        where T : unmanaged, IFloats<T> => (Load<T>(at, 0), Load<T>(at, 1), Load<T>(at, 2), Load<T>(at, 3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(byte* at, T v0, T v1, T v2, T v3)
        where T : unmanaged, IFloats<T>
    {
        TStored.Store(v0, at);
        TStored.Store(v1, at + (T.Count * TStored.Bytes));
        TStored.Store(v2, at + (2 * T.Count * TStored.Bytes));
        TStored.Store(v3, at + (3 * T.Count * TStored.Bytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Load<T>(byte* at, int vector)
        where T : unmanaged, IFloats<T> => TStored.Load<T>(at + (vector * T.Count * TStored.Bytes));
}

/// <summary>Numbers for each lane of a wide row.</summary>
internal static unsafe class PerLane
{
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
