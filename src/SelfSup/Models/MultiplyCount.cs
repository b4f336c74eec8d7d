using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// Counts the multiplications of convolutions, linear layers and attention while it lasts, on all threads, by the shapes that really
/// go through them. A layer that records a graph will be asked for two more products of the same size, the gradients of
/// its weight and of its input; the first layer's input needs none. So slices and activations that are made anew count as
/// often as they are computed.
/// </summary>
internal sealed class MultiplyCount : IDisposable
{
    private static MultiplyCount? _current;
    private long _forward;
    private long _backward;

    /// <summary>Begins to count; one at a time.</summary>
    public MultiplyCount() => Volatile.Write(ref _current, this);

    /// <summary>The count that is under way, or null.</summary>
    public static MultiplyCount? Current => Volatile.Read(ref _current);

    /// <summary>Multiplications of the way forward.</summary>
    public long Forward => Interlocked.Read(ref _forward);

    /// <summary>Those of the way back that was prepared.</summary>
    public long Backward => Interlocked.Read(ref _backward);

    /// <summary>Takes in a layer.</summary>
    /// <param name="weight">[O, ...]; each output is a sum over the rest of it.</param>
    /// <param name="input">What came in.</param>
    /// <param name="output">What came out.</param>
    public void Add(Tensor weight, Tensor input, Tensor output)
    {
        var count = output.numel() * (weight.numel() / weight.shape[0]);
        Interlocked.Add(ref _forward, count);
        if (is_grad_enabled())
        {
            Interlocked.Add(ref _backward, (weight.requires_grad ? count : 0) + (input.requires_grad ? count : 0));
        }
    }

    /// <summary>Takes in an attention: two products of every token with every token, and on the way back two for each.</summary>
    /// <param name="queries">[N, heads, T, D / heads].</param>
    /// <param name="tokens">T, how many each of them attends to.</param>
    public void AddAttention(Tensor queries, long tokens)
    {
        var count = 2 * queries.numel() * tokens;
        Interlocked.Add(ref _forward, count);
        Interlocked.Add(ref _backward, queries.requires_grad ? 2 * count : 0);
    }

    /// <summary>Ends it.</summary>
    public void Dispose() => Interlocked.CompareExchange(ref _current, null, this);
}
