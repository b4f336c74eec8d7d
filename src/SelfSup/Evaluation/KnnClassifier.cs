using System.ComponentModel.DataAnnotations;

using SelfSup.Telemetry;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>Settings of <see cref="KnnClassifier"/>.</summary>
internal sealed class KnnOptions
{
    /// <summary>How many training images vote, k; at most all there are.</summary>
    [Range(1, int.MaxValue)]
    public int Neighbours { get; set; } = 200;

    /// <summary>Divides the similarity in the weight of a vote: the smaller, the more the nearest count.</summary>
    [Range(0.01, double.MaxValue)]
    public double Temperature { get; set; } = 0.07;
}

/// <summary>
/// The weighted kNN of Wu et al. 2018 (section 3.4): each of the k training images nearest by cosine similarity s votes
/// for its class with weight exp(s / T). Needs no training, so that it can judge an encoder while it learns.
/// </summary>
internal sealed class KnnClassifier(KnnOptions options)
{
    /// <summary>Predicts every test image's label from the training images.</summary>
    /// <param name="train">They vote.</param>
    /// <param name="test">They are classified.</param>
    /// <param name="heartbeat">Told of every tile of them, or null.</param>
    /// <param name="cancellationToken">Ends it between two tiles.</param>
    /// <exception cref="Errors.DataException">Labels are missing or of one class only.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ClassificationReport Evaluate(FeatureSet train, FeatureSet test, Heartbeat? heartbeat = null, CancellationToken cancellationToken = default)
    {
        var split = new LabelledSplit(train, test);
        var tally = new ClassificationTally(split.ClassNames);
        var neighbours = Math.Min(options.Neighbours, train.Count);
        string[] notes = neighbours < options.Neighbours
            ? [.. split.Notes, $"k is {neighbours}, not {options.Neighbours}: there are no more training images"]
            : [.. split.Notes];

        using var scope = NewDisposeScope();
        using var search = new NeighbourSearch(train.Features, neighbours);
        var trainLabels = tensor(train.Labels.ToArray());
        var testLabels = split.TestLabels.ToArray();
        for (var start = 0; start < testLabels.Length; start += (int)search.QueryTile)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var tile = NewDisposeScope();
            var labels = testLabels.AsSpan(start, (int)Math.Min(search.QueryTile, testLabels.Length - start));
            var (similarities, indices) = search.Find(test.Features.narrow(0, start, labels.Length));
            tally.Add(Votes(similarities, indices, trainLabels, split.ClassNames.Count), labels);
            heartbeat?.Beat("judging the encoder: nearest neighbours");
        }

        return tally.Report(notes);
    }

    /// <summary>The summed votes for every class.</summary>
    /// <param name="similarities">Of the neighbours, [Q, k].</param>
    /// <param name="indices">Their places in the training set, [Q, k].</param>
    /// <param name="trainLabels">The labels of the training set, [M], on the CPU.</param>
    /// <param name="classes">K.</param>
    /// <returns>[Q, K], float64 on the CPU: exp(1 / T) leaves float32 at T = 0.011.</returns>
    internal Tensor Votes(Tensor similarities, Tensor indices, Tensor trainLabels, long classes)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var weights = (similarities.to(float64).cpu() / options.Temperature).exp_();
        var voted = trainLabels.index_select(0, indices.cpu().reshape(-1)).view(indices.shape);
        return zeros(similarities.shape[0], classes, float64).scatter_add_(1, voted, weights).MoveToOuterDisposeScope();
    }
}
