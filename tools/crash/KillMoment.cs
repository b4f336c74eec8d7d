namespace SelfSup.Tools.Crash;

/// <summary>When a process is killed.</summary>
internal enum KillMoment
{
    /// <summary>While it loads libraries, reads the data's footers or a checkpoint.</summary>
    Starting,

    /// <summary>Some time after it has trained again, whatever it does then.</summary>
    Anywhere,

    /// <summary>When the folder of a checkpoint has appeared that is being written.</summary>
    Writing,

    /// <summary>When a checkpoint's manifest has appeared, so that it is read back and renamed next.</summary>
    Completing,

    /// <summary>At the entry of a system call that renames: the old checkpoint's or the new one's folder, or a file.</summary>
    Renaming,

    /// <summary>At the entry of a system call that forces a file or folder to disk.</summary>
    Syncing,

    /// <summary>At the entry of a system call that removes a file: checkpoints that are no longer kept.</summary>
    Deleting,
}
