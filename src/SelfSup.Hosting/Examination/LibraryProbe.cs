using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

using SelfSup.Errors;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Hosting.Examination;

/// <summary>
/// Loads a native library and asks it what it is. A wrong library may print, crash or end the process: only a process that
/// does nothing else comes here.
/// </summary>
internal static unsafe class LibraryProbe
{
    public const string Torch = "torch";
    public const string Mpi = "mpi";
    public const string Nccl = "nccl";

    /// <summary>Asks a library.</summary>
    /// <param name="kind"><see cref="Torch"/>, <see cref="Mpi"/> or <see cref="Nccl"/>.</param>
    /// <param name="name">A file, or a name that the system's loader finds.</param>
    public static LibraryAnswer Ask(string kind, string name) => kind switch
    {
        Torch => AskTorch(name),
        Mpi => AskMpi(name),
        _ => AskNccl(name),
    };

    private static LibraryAnswer AskTorch(string name)
    {
        var answer = new LibraryAnswer { Name = name };
        try
        {
            RunEnvironment.LoadTorch();
        }
        catch (RecipeException e)
        {
            var cut = e.Message.LastIndexOf("; ", StringComparison.Ordinal); // the advice is given elsewhere
            return answer with { Failure = cut > 0 ? e.Message[..cut] : e.Message };
        }

        try
        {
            _ = Computed(CPU);
            var library = NativeLibrary.Load("torch_cpu", typeof(torch).Assembly, searchPath: null);
            var path = NativeLibrary.TryGetExport(library, "_ZN2at18get_cpu_capabilityB5cxx11Ev", out var capability) ? FileOf(capability) : null;
            answer = answer with
            {
                Path = path,
                Version = torch.__version__,
                Capability = capability != 0 && RuntimeInformation.ProcessArchitecture == Architecture.X64 && OperatingSystem.IsLinux()
                    ? ShortText(capability)
                    : null,
                IsForCuda = path is not null && File.Exists(Path.Combine(Path.GetDirectoryName(path)!, "libtorch_cuda.so")),
            };
        }
        catch (ExternalException e)
        {
            return answer with { Failure = $"it loads and cannot compute ({FirstLine(e)})" };
        }

        try
        {
            if (!cuda.is_available())
            {
                return answer;
            }

            var count = cuda.device_count();
            answer = answer with { Devices = [.. Enumerable.Range(0, count).Select(CudaDevice.Describe)] };
            for (var i = 0; i < count; i++)
            {
                _ = Computed(device(DeviceType.CUDA, i));
            }

            return answer;
        }
        catch (ExternalException e)
        {
            return answer with { DeviceFailure = FirstLine(e) };
        }
    }

    /// <summary>A convolution, forward and backward: what a device must be able to do.</summary>
    private static double Computed(Device device)
    {
        using var scope = NewDisposeScope();
        var images = ones(2, 3, 8, 8, device: device);
        var weight = ones(4, 3, 3, 3, device: device, requires_grad: true);
        nn.functional.conv2d(images, weight).sum().backward();
        return weight.grad!.sum().cpu().ToDouble();
    }

    /// <summary>Calls a C++ function that returns a short <c>std::string</c>, which lies within its 32 bytes.</summary>
    private static string ShortText(nint function)
    {
        var text = stackalloc byte*[4];
        ((delegate* unmanaged[Cdecl]<byte**, byte**>)function)(text);
        return Encoding.UTF8.GetString(text[0], (int)(nint)text[1]);
    }

    private static LibraryAnswer AskMpi(string name)
    {
        var answer = new LibraryAnswer { Name = name };
        if (Distributed.Mpi.TryLoad(name, out var reason) is not { } mpi)
        {
            return Failed(answer, reason);
        }

        try
        {
            return answer with
            {
                Path = FileOf(NativeLibrary.GetExport(NativeLibrary.Load(name), "MPI_Init_thread")),
                Version = mpi.Version, // may be asked before MPI_Init
                IsOpenMpi = mpi.IsOpenMpi,
            };
        }
        catch (CommunicationException e)
        {
            return answer with { Failure = e.Message };
        }
    }

    private static LibraryAnswer AskNccl(string name)
    {
        var answer = new LibraryAnswer { Name = name };
        if (!NativeLibrary.TryLoad(name, out var library))
        {
            return Failed(answer, "");
        }

        if (!NativeLibrary.TryGetExport(library, "ncclGetVersion", out var function))
        {
            return answer with { Failure = "it has no ncclGetVersion" };
        }

        int version;
        var code = ((delegate* unmanaged[Cdecl]<int*, int>)function)(&version);
        return code == 0
            ? answer with
            {
                Path = FileOf(function),
                Version = string.Create(CultureInfo.InvariantCulture, $"{version / 10000}.{version / 100 % 100}.{version % 100}"),
            }
            : answer with { Failure = $"ncclGetVersion: code {code}" };
    }

    /// <summary>Says why a library does not load, in the words of the system's loader where it has some.</summary>
    private static LibraryAnswer Failed(LibraryAnswer answer, string otherwise)
    {
        const string NoFile = ": cannot open shared object file";
        try
        {
            _ = NativeLibrary.Load(answer.Name);
            return answer with { Failure = otherwise };
        }
        catch (DllNotFoundException e)
        {
            string[] lines = [.. e.Message.Split('\n').Where(line => line.Contains(": ", StringComparison.Ordinal))];
            var missing = lines.Where(line => line.Contains(NoFile, StringComparison.Ordinal))
                .Select(line => line[..line.IndexOf(NoFile, StringComparison.Ordinal)]).ToArray();
            if (missing.FirstOrDefault(file => Path.GetFileName(file) != Path.GetFileName(answer.Name)) is { } needed)
            {
                return answer with { Failure = $"it needs {needed}, which is missing" };
            }

            return missing.Length > 0
                ? answer with { Failure = "there is no such file", IsAbsent = true }
                : answer with { Failure = lines is [.., var last] ? last.Trim() : e.Message.ReplaceLineEndings(" ") };
        }
        catch (BadImageFormatException)
        {
            return answer with { Failure = "it is for another kind of processor" };
        }
    }

    /// <summary>The file that code at an address comes from; null where the system does not tell.</summary>
    private static string? FileOf(nint address)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            var dash = line.IndexOf('-', StringComparison.Ordinal);
            var blank = line.IndexOf(' ', StringComparison.Ordinal);
            if ((ulong)address >= ulong.Parse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
                && (ulong)address < ulong.Parse(line.AsSpan(dash + 1, blank - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture))
            {
                return line.IndexOf('/', StringComparison.Ordinal) is >= 0 and var at ? line[at..] : null;
            }
        }

        return null;
    }

    private static string FirstLine(Exception e) => e.Message.Split('\n')[0].Trim();
}
