namespace SelfSup.Distributed;

/// <summary>An all-reduce that goes on beside what the caller does. Its tensor must be left alone until it is waited for.</summary>
internal abstract class PendingReduction
{
    /// <summary>One that is done.</summary>
    public static PendingReduction Done { get; } = new Nothing();

    /// <summary>Waits until the tensor holds the result.</summary>
    /// <exception cref="Errors.CommunicationException">A rank or the library went wrong.</exception>
    public abstract void Wait();

    private sealed class Nothing : PendingReduction
    {
        public override void Wait()
        {
        }
    }
}
