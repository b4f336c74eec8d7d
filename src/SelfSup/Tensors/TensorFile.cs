using System.Runtime.InteropServices;

using Microsoft.Win32.SafeHandles;

using SelfSup.Errors;
using SelfSup.Tensors.Pickle;

using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>
/// A file of named tensors that is open: what is in it is known and was checked against the file's length, and the values of those
/// that are asked for are read into memory of their own. Nothing of a file is trusted, and nothing in it is ever run.
/// </summary>
internal abstract class TensorFile : IDisposable
{
    private readonly SafeFileHandle _file;

    protected TensorFile(SafeFileHandle file, string path) => (_file, Path) = (file, path);

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>What is in it, by name; of dictionaries within dictionaries with a dot between their keys.</summary>
    public abstract IReadOnlyDictionary<string, TensorFacts> Tensors { get; }

    /// <summary>Free text beside the tensors.</summary>
    public virtual IReadOnlyDictionary<string, string> Metadata => new Dictionary<string, string>();

    /// <summary>Opens a file: safetensors, or what PyTorch's <c>torch.save</c> writes, as its first bytes say.</summary>
    /// <exception cref="CheckpointException">It is missing, or not a well-formed file of one of these kinds.</exception>
    public static TensorFile Open(string path)
    {
        try
        {
            var file = File.OpenHandle(path, options: FileOptions.RandomAccess);
            try
            {
                Span<byte> first = stackalloc byte[9];
                first = first[..RandomAccess.Read(file, first, 0)];
                return TorchFile.IsOne(first) ? TorchFile.Open(file, path) : new SafeTensorsFile(file, path);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path}: cannot be read ({e.Message})", e);
        }
        catch (NotSupportedException e)
        {
            throw new CheckpointException(
                $"{path}: is a pipe or a device, must be a file, whose parts are read as they are needed; write it to a file first", e);
        }
    }

    /// <summary>Reads one tensor, onto the CPU. The caller owns it.</summary>
    /// <exception cref="CheckpointException">It cannot be read.</exception>
    public Tensor Read(string name)
    {
        try
        {
            return Read(_file, name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ExternalException)
        {
            throw new CheckpointException($"{Path}: '{ShownText.Of(name)}' cannot be read ({e.Message.Split('\n')[0]})", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    protected abstract Tensor Read(SafeFileHandle file, string name);

    /// <summary>Fills a contiguous tensor with what lies one after the other in the file.</summary>
    protected static void Fill(SafeFileHandle file, Tensor values, long at)
    {
        using var scope = NewDisposeScope();
        ParallelFileReader.Read(file, [.. FilePiece.AllOf(values, at)], checksum: null);
    }
}

/// <summary>What a file says of a tensor.</summary>
/// <param name="Type">The type of its values.</param>
/// <param name="Shape">Its shape.</param>
internal sealed record TensorFacts(ScalarType Type, long[] Shape)
{
    /// <summary>The shape as errors name it.</summary>
    public static string Text(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape.Take(MostShown))}{(shape.Count > MostShown ? ", ..." : "")}]";

    private const int MostShown = 16;
}
