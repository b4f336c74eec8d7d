using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>
/// Computes in another <see cref="Precision"/> between <see cref="Enter"/> and the end of the scope, on this thread only but
/// for TF32, which is the process's.
/// bfloat16 is libtorch's autocast, which TorchSharp does not bind; it is reached through the symbols that libtorch
/// exports. A libtorch that has them under other names is no obstacle: layers then round their operands themselves
/// (<see cref="RoundsOperands"/>).
/// </summary>
internal static unsafe class Autocast
{
    private static readonly Native? _native = Native.Find();

    [ThreadStatic]
    private static bool _roundsOperands;

    /// <summary>Whether libtorch's own autocast is used.</summary>
    public static bool IsNative => _native is not null;

    /// <summary>
    /// Whether this processor multiplies bfloat16 numbers itself; one that does not is slower with them than without. Null
    /// where it cannot be told.
    /// </summary>
    public static bool? ProcessorHasBFloat16
    {
        get
        {
            if (!X86Base.IsSupported)
            {
                return null;
            }

            // Intel's manual, CPUID leaf 7: AVX512_BF16 is bit 5 of EAX in subleaf 1, AMX-BF16 bit 22 of EDX in subleaf 0.
            var leaf = X86Base.CpuId(7, 0);
            return (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || (leaf.Edx & (1 << 22)) != 0;
        }
    }

    /// <summary>Whether layers that multiply have to round their operands to bfloat16, as libtorch does not do it.</summary>
    public static bool RoundsOperands => _roundsOperands;

    /// <summary>What this thread computes in right now.</summary>
    public static Precision Current(DeviceType device)
    {
        if (_roundsOperands || (_native is { } native && native.IsEnabled((sbyte)device) != 0))
        {
            return Precision.Bfloat16;
        }

        return device == DeviceType.CUDA && backends.cuda.matmul.allow_tf32 ? Precision.Tf32 : Precision.Float32;
    }

    /// <summary>
    /// Says for the whole process whether tensor cores may round float32 operands: backward passes run outside of any scope,
    /// and libtorch's own defaults are yes for convolutions and no for matrix products.
    /// </summary>
    public static void SetTf32(Precision precision, DeviceType device)
    {
        if (device == DeviceType.CUDA)
        {
            backends.cuda.matmul.allow_tf32 = backends.cudnn.allow_tf32 = precision != Precision.Float32;
        }
    }

    /// <summary>Begins to compute in a precision; the scope ends where what it returns is disposed.</summary>
    /// <param name="precision">The precision.</param>
    /// <param name="device">Where the tensors are.</param>
    /// <param name="native">Whether libtorch's autocast may be used.</param>
    public static Scope Enter(Precision precision, DeviceType device, bool native = true) =>
        new(precision, device, native ? _native : null);

    /// <summary>A stretch of computing in one precision. It cannot leave its thread: the state it changes is the thread's.</summary>
    internal readonly ref struct Scope : IDisposable
    {
        private readonly DeviceType _device;
        private readonly Native? _autocast;
        private readonly bool _wasEnabled;
        private readonly sbyte _type;
        private readonly byte _caches;
        private readonly bool _rounded;
        private readonly bool _matrixTf32;
        private readonly bool _convolutionTf32;

        internal Scope(Precision precision, DeviceType device, Native? autocast)
        {
            (_device, _autocast) = (device, autocast);
            _rounded = _roundsOperands;
            var low = precision == Precision.Bfloat16;
            if (autocast is { } native)
            {
                _wasEnabled = native.IsEnabled((sbyte)device) != 0;
                _type = native.Type((sbyte)device);
                native.SetEnabled((sbyte)device, low ? (byte)1 : (byte)0);
                if (low)
                {
                    native.SetType((sbyte)device, (sbyte)ScalarType.BFloat16);
                }

                // libtorch keeps the weights it has cast, for the whole process: another thread's end of a scope would decide
                // whether a weight that is used twice is cast twice, and so how its gradients are rounded.
                _caches = native.Caches();
                native.SetCaches(0);
            }
            else
            {
                _roundsOperands = low;
            }

            if (device == DeviceType.CUDA)
            {
                _matrixTf32 = backends.cuda.matmul.allow_tf32;
                _convolutionTf32 = backends.cudnn.allow_tf32;
                SetTf32(precision, device);
            }
        }

        /// <summary>Computes on as before.</summary>
        public void Dispose()
        {
            if (_autocast is { } native)
            {
                native.SetCaches(_caches);
                native.SetType((sbyte)_device, _type);
                native.SetEnabled((sbyte)_device, _wasEnabled ? (byte)1 : (byte)0);
            }

            _roundsOperands = _rounded;
            if (_device == DeviceType.CUDA)
            {
                backends.cuda.matmul.allow_tf32 = _matrixTf32;
                backends.cudnn.allow_tf32 = _convolutionTf32;
            }
        }
    }

    /// <summary>The functions of at::autocast by their mangled names; their state is thread-local.</summary>
    internal sealed class Native
    {
        private readonly delegate* unmanaged[Cdecl]<sbyte, byte> _isEnabled;
        private readonly delegate* unmanaged[Cdecl]<sbyte, byte, void> _setEnabled;
        private readonly delegate* unmanaged[Cdecl]<sbyte, sbyte> _type;
        private readonly delegate* unmanaged[Cdecl]<sbyte, sbyte, void> _setType;
        private readonly delegate* unmanaged[Cdecl]<byte> _caches;
        private readonly delegate* unmanaged[Cdecl]<byte, void> _setCaches;

        private Native(IReadOnlyList<nint> symbols)
        {
            _isEnabled = (delegate* unmanaged[Cdecl]<sbyte, byte>)symbols[0];
            _setEnabled = (delegate* unmanaged[Cdecl]<sbyte, byte, void>)symbols[1];
            _type = (delegate* unmanaged[Cdecl]<sbyte, sbyte>)symbols[2];
            _setType = (delegate* unmanaged[Cdecl]<sbyte, sbyte, void>)symbols[3];
            _caches = (delegate* unmanaged[Cdecl]<byte>)symbols[4];
            _setCaches = (delegate* unmanaged[Cdecl]<byte, void>)symbols[5];
        }

        public static Native? Find()
        {
            if (!NativeLibrary.TryLoad("torch_cpu", typeof(torch).Assembly, DllImportSearchPath.SafeDirectories, out var library))
            {
                return null;
            }

            var symbols = new List<nint>();
            foreach (var name in new[]
            {
                "_ZN2at8autocast19is_autocast_enabledEN3c1010DeviceTypeE",
                "_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb",
                "_ZN2at8autocast18get_autocast_dtypeEN3c1010DeviceTypeE",
                "_ZN2at8autocast18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE",
                "_ZN2at8autocast25is_autocast_cache_enabledEv",
                "_ZN2at8autocast26set_autocast_cache_enabledEb",
            })
            {
                if (!NativeLibrary.TryGetExport(library, name, out var symbol))
                {
                    return null;
                }

                symbols.Add(symbol);
            }

            var native = new Native(symbols);
            return native.Works() ? native : null;
        }

        public byte IsEnabled(sbyte device) => _isEnabled(device);

        public void SetEnabled(sbyte device, byte enabled) => _setEnabled(device, enabled);

        public sbyte Type(sbyte device) => _type(device);

        public void SetType(sbyte device, sbyte type) => _setType(device, type);

        public byte Caches() => _caches();

        public void SetCaches(byte enabled) => _setCaches(enabled);

        /// <summary>Whether the functions do what they are called for, and undo it.</summary>
        private bool Works()
        {
            const sbyte Cpu = (sbyte)DeviceType.CPU;
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var values = ones(2, 2);
            var (enabled, type) = (IsEnabled(Cpu), Type(Cpu));
            SetEnabled(Cpu, 1);
            SetType(Cpu, (sbyte)ScalarType.BFloat16);
            var inside = values.matmul(values).dtype;
            SetType(Cpu, type);
            SetEnabled(Cpu, enabled);
            return inside == ScalarType.BFloat16 && values.matmul(values).dtype == ScalarType.Float32;
        }
    }
}
