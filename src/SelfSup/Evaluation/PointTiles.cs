using SelfSup.Losses;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>Features tile by tile in float64, of unit length or measured from their mean; never copied as a whole.</summary>
internal sealed class PointTiles
{
    private readonly Tensor _features;
    private readonly Tensor? _middle; // products of points far from the origin would lose what tells them apart

    /// <param name="features">[M, F]; borrowed.</param>
    /// <param name="distance">Cosine: of unit length.</param>
    /// <param name="mostRows">In a tile.</param>
    public PointTiles(Tensor features, FeatureDistance distance, long mostRows)
    {
        _features = features;
        _middle = distance == FeatureDistance.Euclidean ? SearchBank.Mean(features) : null;
        Tiles = Block.Divide(features.shape[0], Math.Max(1, mostRows));
    }

    /// <summary>M.</summary>
    public int Count => (int)_features.shape[0];

    /// <summary>F.</summary>
    public long Width => _features.shape[1];

    /// <summary>The rows of each tile.</summary>
    public IReadOnlyList<Block> Tiles { get; }

    /// <summary>The points of a tile, [rows, F].</summary>
    public Tensor Load(Block tile)
    {
        using var scope = NewDisposeScope();
        var rows = tile.Of(_features).to(float64);
        return (_middle is null ? rows / rows.norm(1, true, 2).clamp_min(1e-12) : rows - _middle).MoveToOuterDisposeScope();
    }

    /// <summary>One point, [F].</summary>
    public Tensor Row(int place)
    {
        using var scope = NewDisposeScope();
        return Load(new Block(place, 1))[0].MoveToOuterDisposeScope();
    }

    /// <summary>[N, K] of [N, F] and [K, F].</summary>
    public static Tensor SquaredDistances(Tensor rows, Tensor centres)
    {
        using var scope = NewDisposeScope();
        return addmm(centres.square().sum(1), rows, centres.t(), beta: 1, alpha: -2)
            .add_(rows.square().sum(1).unsqueeze(1)).clamp_min_(0).MoveToOuterDisposeScope();
    }
}
