namespace SelfSup.Tools.Fuzz;

/// <summary>Damages files and reads them.</summary>
internal interface IFuzzer
{
    /// <summary>Damages a file and reads it.</summary>
    /// <param name="file">Which file.</param>
    /// <param name="seed">Chooses the damage.</param>
    FuzzOutcome Run(int file, long seed);
}
