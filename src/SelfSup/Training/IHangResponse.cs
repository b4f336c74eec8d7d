using SelfSup.Errors;

namespace SelfSup.Training;

/// <summary>What only the program around a run can do when the run hangs.</summary>
internal interface IHangResponse
{
    /// <summary>Writes the stacks of the program's threads.</summary>
    /// <param name="path">The file to write.</param>
    /// <returns>What there is to say of it: where they are, or why they could not be written and how else to get them.</returns>
    string WriteStacks(string path);

    /// <summary>Ends the program although the thread that trains is stuck. Does not return.</summary>
    void End(TrainingException error);
}
