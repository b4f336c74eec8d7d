namespace SelfSup.Samples.MachineLearning;

/// <summary>An image with its class and what the network made of it.</summary>
internal sealed class EmbeddedImage
{
    /// <summary>Where it lies in its folder.</summary>
    public string Path { get; set; } = "";

    /// <summary>Its class.</summary>
    public string Label { get; set; } = "";

    /// <summary>The network's output.</summary>
    public float[] Embedding { get; set; } = [];
}

/// <summary>What the classifier says.</summary>
internal sealed class Guess
{
    /// <summary>The class.</summary>
    public string PredictedLabel { get; set; } = "";

    /// <summary>A probability for each class.</summary>
    public float[] Score { get; set; } = [];
}
