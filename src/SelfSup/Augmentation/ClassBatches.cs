using SelfSup.Errors;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// Batches of so many images of each of several classes, the images of a class one after the other. Classes are drawn in passes over
/// all of them and so are the images of each class, in orders that are functions of (seed, epoch); no image is twice in a batch
/// while its class has another.
/// </summary>
internal sealed class ClassBatches : BatchPlan
{
    // Beside the order of all images and the substitutes for unreadable ones.
    private const int ClassOrder = 2;
    private const int ImageOrder = 3;

    private readonly ulong _seed;
    private readonly IReadOnlyList<ClassMembers> _classes;
    private readonly int _count;
    private readonly int _imagesPerClass;
    private int[] _order = [];
    private long _epoch = -1;

    /// <param name="seed">The run's seed.</param>
    /// <param name="classes">The classes and their images.</param>
    /// <param name="count">M, the images of the source.</param>
    /// <param name="batchSize">N, divisible by K.</param>
    /// <param name="imagesPerClass">K; with 1, classes come equally often, one image at a time.</param>
    /// <exception cref="RecipeException">There are fewer images than a batch has.</exception>
    public ClassBatches(ulong seed, IReadOnlyList<ClassMembers> classes, int count, int batchSize, int imagesPerClass)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(batchSize % imagesPerClass, 0, nameof(imagesPerClass));
        (_seed, _classes, _count, BatchSize, _imagesPerClass) = (seed, classes, count, batchSize, imagesPerClass);
        StepsPerEpoch = count / batchSize;
        if (StepsPerEpoch == 0)
        {
            throw ShuffledBatches.TooFew(count, batchSize);
        }
    }

    public override int BatchSize { get; }

    /// <inheritdoc/>
    /// <remarks>As many as a pass over all images has, so that epochs cost the same however batches are put together.</remarks>
    public override long StepsPerEpoch { get; }

    public override bool Substitutes => true;

    public override int Fill(long step, Span<int> indices)
    {
        var epoch = Epoch(step);
        if (epoch != _epoch)
        {
            _order = Order(epoch);
            _epoch = epoch;
        }

        _order.AsSpan((int)(step % StepsPerEpoch) * BatchSize, BatchSize).CopyTo(indices);
        return BatchSize;
    }

    private int[] Order(long epoch)
    {
        var classes = new Deck([.. Enumerable.Range(0, _classes.Count)], new CounterRandom(_seed, RandomPurpose.Order, epoch, view: ClassOrder));
        Deck[] images =
        [
            .. _classes.Select(members => new Deck(
                members.Images, new CounterRandom(_seed, RandomPurpose.Order, epoch, members.Label, ImageOrder))),
        ];
        var classSeen = new int[_classes.Count]; // the last step that has it, from 1
        var imageSeen = new int[_count];
        var order = new int[StepsPerEpoch * BatchSize];
        for (var place = 0; place < order.Length; place += _imagesPerClass)
        {
            var step = 1 + (place / BatchSize);
            var drawn = classes.Draw(c => classSeen[c] == step);
            classSeen[drawn] = step;
            for (var i = place; i < place + _imagesPerClass; i++)
            {
                order[i] = images[drawn].Draw(image => imageSeen[image] == step);
                imageSeen[order[i]] = step;
            }
        }

        return order;
    }
}
