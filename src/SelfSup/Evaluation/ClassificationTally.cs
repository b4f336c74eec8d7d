using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>
/// Counts predictions batch by batch into a <see cref="ClassificationReport"/>. Among equal scores the lower label goes
/// first, so that a report does not depend on how a sort breaks ties.
/// </summary>
internal sealed class ClassificationTally(IReadOnlyList<string> classNames)
{
    private readonly long[][] _confusion = [.. classNames.Select(_ => new long[classNames.Count])];
    private long _images;
    private long _inTop1;
    private long _inTop5;

    /// <summary>Counts the predictions of a batch.</summary>
    /// <param name="scores">[N, K], the higher the likelier; -infinity for a class that is out of the question.</param>
    /// <param name="labels">N labels from 0 to K - 1.</param>
    /// <exception cref="DataException">A score is NaN.</exception>
    public void Add(Tensor scores, ReadOnlySpan<long> labels)
    {
        var classes = classNames.Count;
        if (!scores.shape.SequenceEqual([labels.Length, classes]))
        {
            throw new ArgumentException(
                $"scores must be [{labels.Length}, {classes}], are [{string.Join(", ", scores.shape)}]",
                nameof(scores));
        }

        using var scope = NewDisposeScope();
        var values = scores.detach().to(float64).cpu().contiguous().data<double>().ToArray().AsSpan();
        for (var i = 0; i < labels.Length; i++)
        {
            var row = values.Slice(i * classes, classes);
            var label = (int)labels[i];
            var rank = Rank(row, label);
            _confusion[label][Highest(row)]++;
            _inTop1 += rank < 1 ? 1 : 0;
            _inTop5 += rank < 5 ? 1 : 0;
            _images++;
        }
    }

    /// <summary>The report of all batches so far, of which there must be one.</summary>
    public ClassificationReport Report(IReadOnlyList<string>? notes = null)
    {
        var results = classNames.Select((name, label) =>
        {
            var images = _confusion[label].Sum();
            return new ClassResult(name, images, images == 0 ? null : (double)_confusion[label][label] / images);
        }).ToArray();
        return new()
        {
            Images = _images,
            Top1 = (double)_inTop1 / _images,
            Top5 = (double)_inTop5 / _images,
            MeanPerClass = results.Average(r => r.Accuracy) ?? 0,
            Classes = results,
            Confusion = [.. _confusion.Select(row => row.ToArray())],
            Notes = notes ?? [],
        };
    }

    private static int Highest(ReadOnlySpan<double> row)
    {
        var best = 0;
        for (var i = 1; i < row.Length; i++)
        {
            best = row[i] > row[best] ? i : best;
        }

        return best;
    }

    // How many classes go before the label.
    private static int Rank(ReadOnlySpan<double> row, int label)
    {
        var before = 0;
        for (var i = 0; i < row.Length; i++)
        {
            if (double.IsNaN(row[i]))
            {
                throw new DataException(
                    "evaluation: the score of a class is NaN, must be a number; the classifier has diverged, " +
                    "lower its learning rate");
            }

            before += row[i] > row[label] || (row[i] == row[label] && i < label) ? 1 : 0;
        }

        return before;
    }
}
