using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>The buffers of modules as they were: running statistics that a pass for other purposes must not change.</summary>
internal sealed class BufferSnapshot : IDisposable
{
    private readonly List<(Tensor[] Buffers, Tensor Copy)> _alike = [];

    public BufferSnapshot(params IEnumerable<nn.Module> modules)
        : this(modules.SelectMany(module => module.buffers()))
    {
    }

    /// <param name="buffers">The buffers themselves: to look for them costs more than to copy them.</param>
    public BufferSnapshot(IEnumerable<Tensor> buffers)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // Of a deep network there are hundreds, and all are small: those that are alike are copied at once.
        foreach (var alike in buffers.GroupBy(buffer => (buffer.dtype, IsScalar: buffer.dim() == 0)))
        {
            Tensor[] list = [.. alike];
            var copy = alike.Key.IsScalar ? stack(list) : cat([.. list.Select(buffer => buffer.dim() == 1 ? buffer : buffer.reshape(-1))]);
            _alike.Add((list, copy.DetachFromDisposeScope()));
        }
    }

    /// <summary>Puts them back.</summary>
    public void Restore()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (buffers, copy) in _alike)
        {
            long first = 0;
            foreach (var buffer in buffers)
            {
                buffer.copy_(copy.narrow(0, first, buffer.numel()).reshape(buffer.shape));
                first += buffer.numel();
            }
        }
    }

    public void Dispose() => _alike.ForEach(alike => alike.Copy.Dispose());
}
