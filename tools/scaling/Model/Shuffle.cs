namespace SelfSup.Tools.Scaling.Model;

/// <summary>How the views of ShuffleBN come to the rank that normalises them.</summary>
internal enum Shuffle
{
    /// <summary>They stay where they are.</summary>
    None,

    /// <summary>Every rank gets all of them and takes its own, as in the method's reference.</summary>
    Gathered,

    /// <summary>Every rank sends each where it belongs.</summary>
    Exchanged,

    /// <summary>The loader of the rank that needs a view makes it: a view depends on nothing but seed, epoch, sample and number.</summary>
    Loaded,
}
