namespace SelfSup.Hosting.Supervision;

/// <summary>What trains a run, seen from what watches over it: one process, or one for each rank.</summary>
internal interface IRunProcess : IDisposable
{
    /// <summary>Tells it something, one of <see cref="SupervisorLink"/>'s bytes; nothing where it has ended.</summary>
    void Tell(byte what);

    /// <summary>Ends it without asking, also where it is stopped (SIGSTOP).</summary>
    void Kill();

    /// <summary>Waits for its end. Of several ranks none outlives another that has failed by more than a bound.</summary>
    RunEnd Wait();
}
