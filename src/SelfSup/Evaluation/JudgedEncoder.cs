using SelfSup.Models;

namespace SelfSup.Evaluation;

/// <summary>What measures look at: features and embeddings of both sets of images, made when they are first asked for.</summary>
/// <param name="encoder">The encoder.</param>
/// <param name="train">The images whose labels are known.</param>
/// <param name="test">The images that are judged by.</param>
/// <param name="extractor">Makes their features.</param>
/// <param name="cancellationToken">Ends that.</param>
internal sealed class JudgedEncoder(
    Encoder encoder, LabelledImages train, LabelledImages test, FeatureExtractor extractor, CancellationToken cancellationToken) : IDisposable
{
    private readonly Dictionary<(LabelledImages Images, Representation Of), FeatureSet> _sets = [];

    /// <summary>The encoder itself.</summary>
    public Encoder Encoder => encoder;

    /// <summary>The names of the classes that training images have.</summary>
    public IReadOnlyList<string> TrainingClasses => train.Images.ClassNames;

    /// <summary>Of the images whose labels are known.</summary>
    public FeatureSet Train(Representation of) => Set(train, of);

    /// <summary>Of the images that are judged by.</summary>
    public FeatureSet Test(Representation of) => Set(test, of);

    /// <summary>What was made of the images that are judged by: features where there are both.</summary>
    public FeatureSet? MadeOfTest =>
        _sets.GetValueOrDefault((test, Representation.Features)) ?? _sets.GetValueOrDefault((test, Representation.Embeddings));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var set in _sets.Values)
        {
            set.Dispose();
        }
    }

    private FeatureSet Set(LabelledImages images, Representation of)
    {
        if (!_sets.TryGetValue((images, of), out var set))
        {
            _sets.Add((images, of), set = extractor.Extract(encoder, images, cancellationToken, of));
        }

        return set;
    }
}
