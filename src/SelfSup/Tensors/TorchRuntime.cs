using System.Runtime.InteropServices;

using SelfSup.Errors;

using TorchSharp;

namespace SelfSup.Tensors;

/// <summary>Brings libtorch into the process. Must run before anything else touches <see cref="torch"/>.</summary>
internal static partial class TorchRuntime
{
    // Of glibc's malloc.h.
    private const int AllocatorTrim = -1;
    private const int AllocatorMappings = -4;
    private const int AllocatorArenas = -8;

    /// <summary>
    /// How often an idle thread looks for work before it sleeps: long enough for the next operation of a step to find it
    /// awake, far too short to hold up a neighbour on the core.
    /// </summary>
    private const string SpinCount = "10000";

    /// <summary>Libraries of a PyTorch installation in the order in which they need each other; CUDA's are optional.</summary>
    private static readonly (string Name, bool Required)[] _libraries =
    [
        ("c10", true), ("torch_cpu", true), ("c10_cuda", false), ("torch_cuda", false), ("torch", true),
    ];

    /// <summary>
    /// Lets libtorch's idle threads sleep instead of spin, and loads its libraries from a folder if one is given.
    /// </summary>
    /// <param name="folder">For example <c>site-packages/torch/lib</c>; null for the libraries beside the program.</param>
    /// <exception cref="RecipeException">The folder does not hold a libtorch that loads.</exception>
    public static void Initialise(string? folder)
    {
        if (OperatingSystem.IsLinux())
        {
            // With spinning threads one busy neighbour on a core makes training 5 to 17 times slower.
            NativeEnvironment.Set("OMP_WAIT_POLICY", "passive", keepsExisting: true);
            NativeEnvironment.Set("GOMP_SPINCOUNT", SpinCount, keepsExisting: true);
            KeepFreedMemory();
        }

        if (folder is not null)
        {
            LoadFrom(folder);
        }

        // Looked for here first: TorchSharp's own search, when it fails, copies half a gigabyte about and says little.
        foreach (var library in new[] { "torch_cpu", "LibTorchSharp" })
        {
            try
            {
                _ = NativeLibrary.Load(library, typeof(torch).Assembly, searchPath: null);
            }
            catch (DllNotFoundException e)
            {
                var reason = e.Message.Split('\n') is [_, { Length: > 0 } loader, ..] ? loader : e.Message; // the first line is advice
                throw new RecipeException(
                    $"libtorch: {library} cannot be loaded ({reason.Trim()}); build with -p:TorchBackend=cpu or cuda, or let " +
                    "SELFSUP_LIBTORCH name the folder of an installed libtorch 2.10, for example site-packages/torch/lib");
            }
        }

        _ = torch.__version__;
    }

    /// <summary>
    /// Lets the C library keep what tensors free. By default it hands every large block back to the system and takes it
    /// again page by page in the next step, which costs a training step on the CPU a third of its time. What it costs is
    /// memory: gaps between what is in use, up to as much again, none of it growing.
    /// </summary>
    private static void KeepFreedMemory()
    {
        try
        {
            _ = SetAllocator(AllocatorMappings, 0); // large blocks come from the heap, where they are found again
            _ = SetAllocator(AllocatorTrim, -1); // whose end is never handed back
            _ = SetAllocator(AllocatorArenas, 1); // and there is one heap: those of further threads are too small
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library than GNU's; training works, only slower.
        }
    }

    private static void LoadFrom(string folder)
    {
        foreach (var (name, required) in _libraries)
        {
            var path = Path.Combine(folder, FileName(name));
            if (!File.Exists(path))
            {
                if (required)
                {
                    throw new RecipeException($"SELFSUP_LIBTORCH: {path} does not exist; name the folder that holds {FileName("torch_cpu")}");
                }

                continue;
            }

            try
            {
                NativeLibrary.Load(path);
            }
            catch (DllNotFoundException e)
            {
                throw new RecipeException($"SELFSUP_LIBTORCH: {path} cannot be loaded ({e.Message.ReplaceLineEndings(" ")})");
            }
        }
    }

    private static string FileName(string name) => OperatingSystem.IsWindows()
        ? $"{name}.dll"
        : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetAllocator(int parameter, int value);
}
