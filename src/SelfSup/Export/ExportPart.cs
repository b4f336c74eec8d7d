namespace SelfSup.Export;

/// <summary>What of a trained network is exported.</summary>
internal enum ExportPart
{
    /// <summary>What features come from: the backbone, with those layers of the head that stay on it.</summary>
    Backbone,

    /// <summary>The projection head alone.</summary>
    Head,

    /// <summary>Backbone and head, and the classifier where the run trained one.</summary>
    All,
}
