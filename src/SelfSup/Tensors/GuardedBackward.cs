using System.Runtime.ExceptionServices;

using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>
/// Backward passes that run code of ours. An exception that leaves such code would travel through libtorch's C++ frames
/// and end the process without a word; here it is kept and thrown again where the pass was started.
/// </summary>
internal static class GuardedBackward
{
    // For the whole process and not for a thread: on a GPU the pass runs on threads of libtorch.
    private static ExceptionDispatchInfo? _failure;

    // TorchSharp drops its references to gradients before libtorch has taken its own.
    [ThreadStatic]
    private static Tensor?[]? _handedOver;

    /// <summary>Computes the gradients of <paramref name="loss"/>. Throws what a <see cref="Body"/> below it threw.</summary>
    public static void Run(Tensor loss) => Run([loss], [null]);

    /// <summary>Takes gradients of results back, where these come of something that learns. Throws what a <see cref="Body"/> below them threw.</summary>
    /// <param name="results">What was computed.</param>
    /// <param name="gradients">The gradient of each; null is 1 for a scalar.</param>
    public static void Run(IReadOnlyList<Tensor> results, IReadOnlyList<Tensor?> gradients)
    {
        int[] learned = [.. Enumerable.Range(0, results.Count).Where(i => gradients[i] is null || results[i].requires_grad)];
        if (learned.Length == 0)
        {
            return;
        }

        try
        {
#pragma warning disable RS0030 // the one place that may
            autograd.backward([.. learned.Select(i => results[i])], gradients.Any(g => g is null) ? null : [.. learned.Select(i => gradients[i]!)]);
#pragma warning restore RS0030
        }
        finally
        {
            Release();
            // It goes before what libtorch says of its consequences.
            Interlocked.Exchange(ref _failure, null)?.Throw();
        }
    }

    /// <summary>
    /// What the <c>backward</c> of an autograd function returns. Its <c>forward</c> must have said
    /// <c>set_materialize_grads(false)</c>: behind a node that failed there is no gradient, and this is where that is seen.
    /// </summary>
    /// <param name="arguments">How many arguments its <c>forward</c> has.</param>
    /// <param name="incoming">The gradient of its result; given up here, as nobody else would before the step ends.</param>
    /// <param name="gradients">Computes a gradient, or null, for the first of them; the others have none.</param>
    public static List<Tensor> Body(int arguments, Tensor? incoming, Func<Tensor?[]> gradients)
    {
        var results = new Tensor?[arguments];
        try
        {
            if (incoming is { IsInvalid: false })
            {
                using var scope = NewDisposeScope();
                using var _ = no_grad();
                gradients().CopyTo(results, 0);
                foreach (var result in results)
                {
                    result?.MoveToOuterDisposeScope();
                }

                Release();
                _handedOver = results;
                incoming.Dispose();
            }
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
            Array.Clear(results); // no gradient is a gradient of zero
        }

        return [.. results.Select(r => r!)];
    }

    private static void Release()
    {
        foreach (var earlier in _handedOver ?? [])
        {
            earlier?.Dispose(); // libtorch has it by now; on a thread of its own there is no outer scope that would
        }

        _handedOver = null;
    }
}
