using Microsoft.Win32.SafeHandles;

using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>A safetensors file that is open.</summary>
internal sealed class SafeTensorsFile : TensorFile
{
    private readonly SafeTensorsHeader _header;
    private readonly Dictionary<string, SafeTensorsEntry> _entries;
    private readonly Dictionary<string, TensorFacts> _facts;

    /// <summary>Takes hold of a file.</summary>
    /// <exception cref="Errors.CheckpointException">It is not well-formed; the file stays open.</exception>
    public SafeTensorsFile(SafeFileHandle file, string path)
        : base(file, path)
    {
        _header = SafeTensorsHeader.Read(file, path, checksum: null);
        _entries = _header.Entries.ToDictionary(entry => entry.Name);
        _facts = _header.Entries.ToDictionary(entry => entry.Name, entry => entry.Facts);
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorFacts> Tensors => _facts;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <inheritdoc/>
    protected override Tensor Read(SafeFileHandle file, string name)
    {
        var entry = _entries[name];
        var values = empty(entry.Facts.Shape, entry.Facts.Type);
        try
        {
            Fill(file, values, _header.Start + entry.Begin);
            return values;
        }
        catch
        {
            values.Dispose();
            throw;
        }
    }
}
