namespace SelfSup.Training;

/// <summary>What a process of this machine is seen to do.</summary>
internal enum ProcessState
{
    /// <summary>The system does not tell.</summary>
    Unknown,

    /// <summary>It lives.</summary>
    Lives,

    /// <summary>It is stopped by a signal, and may go on.</summary>
    Stopped,

    /// <summary>There is none such, or what is left of it waits for its parent.</summary>
    Gone,
}
