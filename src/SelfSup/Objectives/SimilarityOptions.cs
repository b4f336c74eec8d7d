using SelfSup.Catalogs;
using SelfSup.Mining;

namespace SelfSup.Objectives;

/// <summary>The settings that objectives over cosines share.</summary>
internal abstract class SimilarityOptions
{
    /// <summary>Which pairs count; none for all.</summary>
    [ChosenFrom(typeof(IMiner))]
    public Choice? Miner { get; set; }
}
