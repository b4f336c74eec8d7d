namespace SelfSup.Tensors;

/// <summary>
/// A vector of floats as kernels need it. A kernel is written once over this and compiled for each width; the JIT takes
/// the widest that the machine is fast with. <see cref="Floats1"/> is the scalar reference.
/// </summary>
/// <typeparam name="TSelf">The vector.</typeparam>
internal unsafe interface IFloats<TSelf>
    where TSelf : unmanaged, IFloats<TSelf>
{
    /// <summary>Floats in a vector.</summary>
    static abstract int Count { get; }

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    static abstract TSelf operator /(TSelf left, TSelf right);

    static abstract TSelf Create(float value);

    static abstract TSelf Load(float* source);

    /// <summary>Reads as many bytes as there are floats in a vector.</summary>
    static abstract TSelf LoadBytes(byte* source);

    /// <summary>Reads values that are stored as bfloat16.</summary>
    static abstract TSelf LoadBFloat16(ushort* source);

    void Store(float* target);

    /// <summary>Writes as bfloat16, rounded to nearest, ties to even.</summary>
    void StoreBFloat16(ushort* target);

    float Sum();

    /// <summary>a * b + c, rounded once where the machine can.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    static abstract TSelf Min(TSelf a, TSelf b);

    static abstract TSelf Max(TSelf a, TSelf b);

    static abstract TSelf Floor(TSelf value);

    static abstract TSelf Abs(TSelf value);

    /// <summary>By lane: <paramref name="yes"/> where a = b, else <paramref name="no"/>.</summary>
    static abstract TSelf IfEqual(TSelf a, TSelf b, TSelf yes, TSelf no);

    /// <summary>By lane: <paramref name="yes"/> where a is at least b, else <paramref name="no"/>.</summary>
    static abstract TSelf IfAtLeast(TSelf a, TSelf b, TSelf yes, TSelf no);
}
