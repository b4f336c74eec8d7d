namespace SelfSup.Tensors;

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

    public static Floats1 LoadBFloat16(ushort* source) => new(BitConverter.UInt32BitsToSingle((uint)*source << 16));

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
