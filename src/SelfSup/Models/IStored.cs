using System.Runtime.CompilerServices;

using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>How activations are stored; kernels compute in float32.</summary>
internal unsafe interface IStored
{
    /// <summary>Bytes of a value.</summary>
    static abstract int Bytes { get; }

    static abstract T Load<T>(byte* source)
        where T : unmanaged, IFloats<T>;

    static abstract void Store<T>(T values, byte* target)
        where T : unmanaged, IFloats<T>;
}

/// <summary>As float32.</summary>
internal readonly unsafe struct StoredFloat32 : IStored
{
    public static int Bytes => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(byte* source)
        where T : unmanaged, IFloats<T> => T.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T values, byte* target)
        where T : unmanaged, IFloats<T> => values.Store((float*)target);
}

/// <summary>As bfloat16.</summary>
internal readonly unsafe struct StoredBFloat16 : IStored
{
    public static int Bytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(byte* source)
        where T : unmanaged, IFloats<T> => T.LoadBFloat16((ushort*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T values, byte* target)
        where T : unmanaged, IFloats<T> => values.StoreBFloat16((ushort*)target);
}
