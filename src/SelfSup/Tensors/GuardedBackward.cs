using System.Runtime.ExceptionServices;

using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>
/// Carries an exception past libtorch: one that leaves the backward function of a node of ours into native code ends the
/// process. The node catches it (<see cref="Node"/>), and who started the backward pass throws it again.
/// </summary>
internal static class GuardedBackward
{
    // On a GPU nodes run on threads of libtorch's, so it is the process's and not the thread's.
    private static ExceptionDispatchInfo? _failure;

    /// <summary>Backpropagates, and throws what a node of ours met on the way.</summary>
    public static void Run(Action backward)
    {
        backward();
        Interlocked.Exchange(ref _failure, null)?.Throw();
    }

    /// <summary>The body of a node's backward function.</summary>
    /// <param name="inputs">How many arguments the forward function had.</param>
    /// <param name="body">Their gradients, tensors of the current dispose scope, null where there is none.</param>
    public static List<Tensor> Node(int inputs, Func<List<Tensor?>> body)
    {
        using var scope = NewDisposeScope();
        try
        {
            return [.. body().Select(gradient => gradient?.MoveToOuterDisposeScope()!)];
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
            return [.. Enumerable.Repeat<Tensor>(null!, inputs)]; // no gradient: the pass goes on to its end
        }
    }
}
