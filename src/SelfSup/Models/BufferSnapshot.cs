using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>The buffers of modules as they were: running statistics that a pass for other purposes must not change.</summary>
internal sealed class BufferSnapshot : IDisposable
{
    private readonly Tensor[] _buffers;
    private readonly Tensor[] _copies;

    public BufferSnapshot(params IEnumerable<nn.Module> modules)
    {
        _buffers = [.. modules.SelectMany(module => module.buffers())];
        _copies = [.. _buffers.Select(buffer => buffer.clone().DetachFromDisposeScope())];
    }

    /// <summary>Puts them back.</summary>
    public void Restore()
    {
        using var _ = no_grad();
        foreach (var (buffer, copy) in _buffers.Zip(_copies))
        {
            buffer.copy_(copy);
        }
    }

    public void Dispose() => Array.ForEach(_copies, copy => copy.Dispose());
}
