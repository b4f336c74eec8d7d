using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SelfSup.Augmentation;

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

/// <summary>Sixteen floats.</summary>
internal readonly unsafe struct Floats16(Vector512<float> value) : IFloats<Floats16>
{
    private readonly Vector512<float> _value = value;

    public static int Count => Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 operator +(Floats16 left, Floats16 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 operator -(Floats16 left, Floats16 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 operator *(Floats16 left, Floats16 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 operator /(Floats16 left, Floats16 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 Create(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 LoadBytes(byte* source) => new(Bytes(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => _value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBFloat16(ushort* target)
    {
        new Floats8(_value.GetLower()).StoreBFloat16(target);
        new Floats8(_value.GetUpper()).StoreBFloat16(target + Floats8.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => Vector512.Sum(_value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 MultiplyAdd(Floats16 a, Floats16 b, Floats16 c) =>
        new(Vector512.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 Min(Floats16 a, Floats16 b) => new(Vector512.MinNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 Max(Floats16 a, Floats16 b) => new(Vector512.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 Floor(Floats16 value) => new(Vector512.Floor(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 Abs(Floats16 value) => new(Vector512.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 IfEqual(Floats16 a, Floats16 b, Floats16 yes, Floats16 no) =>
        new(Vector512.ConditionalSelect(Vector512.Equals(a._value, b._value), yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats16 IfAtLeast(Floats16 a, Floats16 b, Floats16 yes, Floats16 no) =>
        new(Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(a._value, b._value), yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Bytes(byte* source) => Avx512F.IsSupported
        ? Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(source)))
        : Vector512.Create(Floats8.Bytes(source), Floats8.Bytes(source + Floats8.Count));
}

/// <summary>Eight floats.</summary>
internal readonly unsafe struct Floats8(Vector256<float> value) : IFloats<Floats8>
{
    private readonly Vector256<float> _value = value;

    public static int Count => Vector256<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 operator +(Floats8 left, Floats8 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 operator -(Floats8 left, Floats8 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 operator *(Floats8 left, Floats8 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 operator /(Floats8 left, Floats8 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 Create(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 LoadBytes(byte* source) => new(Bytes(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => _value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBFloat16(ushort* target)
    {
        var bits = _value.AsUInt32();
        var even = (bits >>> 16) & Vector256<uint>.One;
        var rounded = (bits + Vector256.Create(0x7FFFu) + even) >>> 16;
        Vector128.Narrow(rounded.GetLower(), rounded.GetUpper()).Store(target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => Vector256.Sum(_value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 MultiplyAdd(Floats8 a, Floats8 b, Floats8 c) =>
        new(Vector256.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 Min(Floats8 a, Floats8 b) => new(Vector256.MinNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 Max(Floats8 a, Floats8 b) => new(Vector256.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 Floor(Floats8 value) => new(Vector256.Floor(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 Abs(Floats8 value) => new(Vector256.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 IfEqual(Floats8 a, Floats8 b, Floats8 yes, Floats8 no) =>
        new(Vector256.ConditionalSelect(Vector256.Equals(a._value, b._value), yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats8 IfAtLeast(Floats8 a, Floats8 b, Floats8 yes, Floats8 no) =>
        new(Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(a._value, b._value), yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Bytes(byte* source) => Avx2.IsSupported
        ? Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(source))
        : Vector256.Create(Floats4.Bytes(source), Floats4.Bytes(source + Floats4.Count));
}

/// <summary>Four floats.</summary>
internal readonly unsafe struct Floats4(Vector128<float> value) : IFloats<Floats4>
{
    private readonly Vector128<float> _value = value;

    public static int Count => Vector128<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 operator +(Floats4 left, Floats4 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 operator -(Floats4 left, Floats4 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 operator *(Floats4 left, Floats4 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 operator /(Floats4 left, Floats4 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 Create(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 LoadBytes(byte* source) => new(Bytes(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => _value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBFloat16(ushort* target)
    {
        var bits = _value.AsUInt32();
        var even = (bits >>> 16) & Vector128<uint>.One;
        var rounded = (bits + Vector128.Create(0x7FFFu) + even) >>> 16;
        Vector128.Narrow(rounded, rounded).GetLower().Store(target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => Vector128.Sum(_value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 MultiplyAdd(Floats4 a, Floats4 b, Floats4 c) =>
        new(Vector128.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 Min(Floats4 a, Floats4 b) => new(Vector128.MinNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 Max(Floats4 a, Floats4 b) => new(Vector128.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 Floor(Floats4 value) => new(Vector128.Floor(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 Abs(Floats4 value) => new(Vector128.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 IfEqual(Floats4 a, Floats4 b, Floats4 yes, Floats4 no) =>
        new(Vector128.ConditionalSelect(Vector128.Equals(a._value, b._value), yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats4 IfAtLeast(Floats4 a, Floats4 b, Floats4 yes, Floats4 no) =>
        new(Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(a._value, b._value), yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<float> Bytes(byte* source)
    {
        var bytes = Vector128.CreateScalar(Unsafe.ReadUnaligned<uint>(source)).AsByte();
        return Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32());
    }
}

/// <summary>One float: what the other widths are compared with.</summary>
internal readonly unsafe struct Floats1(float value) : IFloats<Floats1>
{
    private readonly float _value = value;

    public static int Count => 1;

    public static Floats1 operator +(Floats1 left, Floats1 right) => new(left._value + right._value);

    public static Floats1 operator -(Floats1 left, Floats1 right) => new(left._value - right._value);

    public static Floats1 operator *(Floats1 left, Floats1 right) => new(left._value * right._value);

    public static Floats1 operator /(Floats1 left, Floats1 right) => new(left._value / right._value);

    public static Floats1 Create(float value) => new(value);

    public static Floats1 Load(float* source) => new(*source);

    public static Floats1 LoadBytes(byte* source) => new(*source);

    public void Store(float* target) => *target = _value;

    public void StoreBFloat16(ushort* target)
    {
        var bits = BitConverter.SingleToUInt32Bits(_value);
        *target = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    public float Sum() => _value;

    public static Floats1 MultiplyAdd(Floats1 a, Floats1 b, Floats1 c) => (a * b) + c;

    public static Floats1 Min(Floats1 a, Floats1 b) => new(Math.Min(a._value, b._value));

    public static Floats1 Max(Floats1 a, Floats1 b) => new(Math.Max(a._value, b._value));

    public static Floats1 Floor(Floats1 value) => new(MathF.Floor(value._value));

    public static Floats1 Abs(Floats1 value) => new(MathF.Abs(value._value));

    public static Floats1 IfEqual(Floats1 a, Floats1 b, Floats1 yes, Floats1 no) => a._value == b._value ? yes : no;

    public static Floats1 IfAtLeast(Floats1 a, Floats1 b, Floats1 yes, Floats1 no) => a._value >= b._value ? yes : no;
}
