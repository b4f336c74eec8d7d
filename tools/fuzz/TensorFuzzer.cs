using System.Diagnostics;

using SelfSup.Errors;
using SelfSup.Randomness;
using SelfSup.Tensors;

namespace SelfSup.Tools.Fuzz;

/// <summary>
/// Opens damaged files of tensors. What may come out is a list of tensors that all lie within the file, or a
/// <see cref="CheckpointException"/> with one line that begins with the name; and no more is allocated than a multiple of the
/// file's length.
/// </summary>
/// <param name="files">The undamaged files; parts of one get into others.</param>
/// <param name="folder">Where damaged ones are written.</param>
/// <param name="read">Reads a tensor that was found, which needs libtorch; or null.</param>
internal sealed class TensorFuzzer(IReadOnlyList<byte[]> files, string folder, Action<TensorFile, string>? read = null) : IFuzzer
{
    /// <summary>How files are named that it can damage.</summary>
    public static readonly IReadOnlyList<string> Extensions = [".safetensors", ".pth", ".tar", ".pt", ".ckpt", ".bin"];

    // An object takes some fifty bytes, and what makes it one or two.
    private const long AllocatedPerByte = 100;
    private const long AllocatedAnyway = 4 << 20;

    private readonly TensorMutator _mutator = new();
    private readonly string _path = Path.Combine(folder, "fuzzed.pth");

    /// <inheritdoc/>
    public FuzzOutcome Run(int file, long seed)
    {
        var random = new CounterRandom(0x07E3, RandomPurpose.Selection, sample: seed);
        return Run(_mutator.Mutate(files[file], files[random.NextInt(files.Count)], seed));
    }

    /// <summary>Opens a file that may be damaged.</summary>
    public FuzzOutcome Run(byte[] bytes)
    {
        File.WriteAllBytes(_path, bytes);
        string? failure = null;
        string? by = null;
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var start = Stopwatch.GetTimestamp();
        try
        {
            using var file = TensorFile.Open(_path);
            by = file.GetType().Name;
            foreach (var (name, facts) in file.Tensors)
            {
                if (facts.Shape.Aggregate((Int128)1, (product, size) => product * size) is var count && (count < 0 || count > long.MaxValue))
                {
                    failure ??= $"'{name}' has {count} values";
                }

                read?.Invoke(file, name);
            }
        }
        catch (CheckpointException e)
        {
            failure = e.Message.StartsWith(_path + ": ", StringComparison.Ordinal) && !e.Message.Contains('\n')
                ? failure
                : $"a message that is not one line about the file: {e.Message}";
        }
        catch (Exception e)
        {
            failure = e.ToString();
        }

        var milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        if (allocated > AllocatedAnyway + (AllocatedPerByte * bytes.Length))
        {
            failure ??= $"{allocated:N0} bytes allocated for a file of {bytes.Length:N0}";
        }

        return new FuzzOutcome(by, milliseconds, failure);
    }
}
