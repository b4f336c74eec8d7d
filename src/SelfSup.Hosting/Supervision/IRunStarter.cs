namespace SelfSup.Hosting.Supervision;

/// <summary>How what trains a run is started, and started again.</summary>
internal interface IRunStarter
{
    /// <summary>R.</summary>
    int Ranks { get; }

    /// <summary>Starts it.</summary>
    IRunProcess Start();

    /// <summary>Leaves a rank out from now on, and as many more as keep shares equal.</summary>
    /// <param name="lost">The rank.</param>
    /// <returns>What is left out, for people; null where the run may not go on without it, and nothing has changed.</returns>
    string? GoOnWithout(int lost);
}
