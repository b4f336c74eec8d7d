using System.ComponentModel.DataAnnotations;

using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>Settings of <see cref="FewShot"/>.</summary>
internal sealed class FewShotOptions
{
    /// <summary>n: how many classes an episode chooses between.</summary>
    [Range(2, 10_000)]
    public int Ways { get; set; } = 5;

    /// <summary>k: how many images of each class are given.</summary>
    [Range(1, 10_000)]
    public int Shots { get; set; } = 1;

    /// <summary>How many images of each class are asked for.</summary>
    [Range(1, 10_000)]
    public int Queries { get; set; } = 15;

    /// <summary>How many episodes are drawn.</summary>
    [Range(2, 10_000_000)]
    public int Episodes { get; set; } = 1000;

    /// <summary>Chooses them.</summary>
    public ulong Seed { get; set; } = 1;

    /// <summary>What near means.</summary>
    [EnumDataType(typeof(FeatureDistance))]
    public FeatureDistance Distance { get; set; } = FeatureDistance.Cosine;
}

/// <summary>
/// Judges features by n-way k-shot episodes (Vinyals et al. 2016): n classes and k images of each are drawn, and other images of
/// these classes are assigned to the nearest class mean (Snell et al. 2017) and to the class of the nearest image. An episode
/// is a function of the seed and its number, the same for every encoder that is judged on the same images.
/// </summary>
/// <param name="options">Its settings.</param>
/// <param name="numbersAtOnce">About how many numbers are held beside the features and those of one episode.</param>
internal sealed class FewShot(FewShotOptions options, long numbersAtOnce = 1 << 22)
{
    private int PerClass => options.Shots + options.Queries;

    /// <summary>Fails where images are too few for such episodes.</summary>
    /// <returns>The places of the images of each class that has enough of them.</returns>
    /// <exception cref="DataException">Labels are missing, or too few classes have enough images.</exception>
    public int[][] Require(LabelSet images)
    {
        images.RequireLabels();
        int[][] classes =
        [
            .. Enumerable.Range(0, images.Labels.Count).GroupBy(i => images.Labels[i]).OrderBy(g => g.Key)
                .Select(g => g.ToArray()).Where(c => c.Length >= PerClass),
        ];
        return classes.Length >= options.Ways
            ? classes
            : throw new DataException(
                $"{images.Name}: {classes.Length} of {images.Classes} classes have the {PerClass} images that an episode takes of each " +
                $"({options.Shots} given, {options.Queries} asked for), must be at least {options.Ways}; ask for fewer ways, shots or queries");
    }

    /// <summary>Draws and judges the episodes.</summary>
    /// <exception cref="DataException">Labels are missing, or too few classes have enough images.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public FewShotReport Evaluate(FeatureSet images, CancellationToken cancellationToken = default)
    {
        var (classes, all) = (Require(images), images.Classes);
        var (prototypes, neighbours) = (new List<double>(), new List<double>());
        var (atOnce, tile) = AtOnce(images.Features.shape[1]);
        foreach (var episodes in Enumerable.Range(0, options.Episodes).Chunk(atOnce))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            long[] places = [.. episodes.SelectMany(episode => Draw(classes, episode))];
            var chosen = Scaled(images.Features.index_select(0, tensor(places)).to(float64))
                .view(episodes.Length, options.Ways, PerClass, -1);
            var given = chosen.narrow(2, 0, options.Shots); // [E, n, k, F]
            var asked = chosen.narrow(2, options.Shots, options.Queries).reshape(episodes.Length, options.Ways * options.Queries, -1);
            prototypes.AddRange(Accuracies(asked, Scaled(given.mean([2L])), shots: 1, tile));
            neighbours.AddRange(Accuracies(asked, given.reshape(episodes.Length, options.Ways * options.Shots, -1), options.Shots, tile));
        }

        return new FewShotReport
        {
            Ways = options.Ways,
            Shots = options.Shots,
            Queries = options.Queries,
            Episodes = options.Episodes,
            Classes = classes.Length,
            NearestPrototype = MeanEstimate.Of(prototypes),
            NearestNeighbour = MeanEstimate.Of(neighbours),
            Notes = classes.Length == all ? [] : [$"{all - classes.Length} of {all} classes are left out: they have fewer than {PerClass} images"],
        };
    }

    /// <summary>How much is computed at once.</summary>
    /// <param name="width">F.</param>
    /// <returns>
    /// So many episodes that their features [E, n (k + q), F] are as many numbers as may be held, or one; and so many queries of
    /// each that their similarities to what is given, [E, Q, n k], are, or one.
    /// </returns>
    internal (int Episodes, int Queries) AtOnce(long width)
    {
        var (asked, given) = ((long)options.Ways * options.Queries, (long)options.Ways * options.Shots);
        var episodes = Math.Clamp(numbersAtOnce / Math.Max((asked + given) * width, asked * given), 1, options.Episodes);
        return ((int)episodes, (int)Math.Clamp(numbersAtOnce / (episodes * given), 1, asked));
    }

    // The images of one episode, class by class, those that are given first.
    private List<long> Draw(int[][] classes, int episode)
    {
        var random = EvaluationDraw.Of(options.Seed, EvaluationDraw.Episodes, episode);
        var places = new List<long>();
        foreach (var place in EvaluationDraw.Distinct(ref random, options.Ways, classes.Length))
        {
            var images = classes[place];
            places.AddRange(EvaluationDraw.Distinct(ref random, options.Shots + options.Queries, images.Length).Select(i => (long)images[i]));
        }

        return places;
    }

    // [E, n * q, F] and [E, n * shots, F] to the share of each episode's queries that are nearest to their class.
    private double[] Accuracies(Tensor asked, Tensor candidates, int shots, int tile)
    {
        var products = candidates.transpose(1, 2);
        var lengths = options.Distance == FeatureDistance.Euclidean ? candidates.square().sum(2).unsqueeze(1) / 2 : null;
        var nearest = new List<Tensor>();
        for (var start = 0L; start < asked.shape[1]; start += tile)
        {
            using var scope = NewDisposeScope();
            var near = asked.narrow(1, start, Math.Min(tile, asked.shape[1] - start)).matmul(products);
            nearest.Add((lengths is null ? near : near.sub_(lengths)).argmax(2).MoveToOuterDisposeScope());
        }

        var found = cat(nearest, 1).div(shots, RoundingMode.floor);
        var right = arange(options.Ways).repeat_interleave(options.Queries);
        return found.eq(right).to(float64).mean([1L]).data<double>().ToArray();
    }

    private Tensor Scaled(Tensor features) => options.Distance == FeatureDistance.Cosine
        ? features / features.norm(-1, true, 2).clamp_min(1e-12)
        : features;
}
