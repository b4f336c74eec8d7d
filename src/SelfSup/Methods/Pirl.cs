using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Models;
using SelfSup.Negatives;
using SelfSup.Randomness;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Pretext-invariant representations (Misra and van der Maaten 2020, https://arxiv.org/abs/1912.01991, section 3): an image
/// and the jigsaw that is made of it shall be embedded alike, next to what a memory bank remembers of the image and away from
/// what it remembers of others.
/// <para>
/// Eq. 4 has the probability that a pair belongs together as a softmax over the N negatives that were drawn; here, as in the
/// authors' own code (VISSL), it is that of noise-contrastive estimation, exp(s/T) / Z over K times the noise plus it, with Z
/// estimated once from the jigsaws of the first batch. Every negative is then a term of its own, whichever others were drawn
/// beside it, and the loss and its draws are those of instance discrimination.
/// </para>
/// </summary>
[Named("pirl")]
[Views(2)]
[Paper("Misra and van der Maaten 2020, self-supervised learning of pretext-invariant representations", "https://arxiv.org/abs/1912.01991")]
internal sealed class Pirl : Method
{
    private const string Patch = "patch"; // features of a piece to D
    private const string Jigsaw = "jigsaw"; // all pieces to D

    private readonly PirlOptions _options;
    private readonly MemoryBank _bank;
    private readonly NoiseNormaliser _normaliser;

    public Pirl(PirlOptions options, MethodContext context)
        : base(context, Parts(options.Grid))
    {
        _options = options;
        var settings = new BankSettings(
            context.Images, Encoder.Widths.Embedding, options.BankMomentum, options.BankPrecision, context.Seed);
        _bank = MemoryBank.Create(settings, Encoder.Parameters.Values, context.Communicator, options.ShardBank == true);
        _normaliser = new NoiseNormaliser(_bank, options.Negatives, options.Temperature);
    }

    /// <summary>The image, and the one that is cut into pieces: of the same photograph, each with augmentations of its own.</summary>
    public override int Views => 2;

    /// <summary>f of the image and g of the jigsaw, unit-length [N, D] both (section 3.2).</summary>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch)
    {
        using var scope = NewDisposeScope();
        var pieces = Pieces(batch); // [N * grid^2, 3, p, p]
        var embedded = Layers.Multiply(encoder.Part<Linear>(Patch), encoder.Represent(pieces)); // [N * grid^2, D]
        var joined = embedded.reshape(batch.Samples.shape[0], -1); // [N, grid^2 * D], in the shuffled order
        var jigsaw = Encoder.Unit(Layers.Multiply(encoder.Part<Linear>(Jigsaw), joined));
        return [encoder.Embed(batch.Views[0]).MoveToOuterDisposeScope(), jigsaw.MoveToOuterDisposeScope()];
    }

    /// <summary>Both embeddings against the image's slot and the same drawn ones (eq. 5).</summary>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var (image, jigsaw) = (embeddings.Learned[0], embeddings.Learned[1]);
        var drawn = _normaliser.Draw(batch);
        var normaliser = _normaliser.Of(jigsaw.detach(), drawn);
        Tensor Loss(Tensor v) => _bank.NoiseContrastiveLoss(v, drawn, _options.Temperature, normaliser);
        return (_options.JigsawWeight * Loss(jigsaw)) + ((1 - _options.JigsawWeight) * Loss(image));
    }

    /// <summary>Slots follow the image's embedding alone (section 3.2).</summary>
    public override void Commit(ViewBatch batch, Embeddings embeddings)
    {
        _normaliser.Keep(batch, embeddings.Learned[1].detach());
        _bank.Update(batch.Step, batch.Samples, embeddings.Learned[0]);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss)
    {
        var (age, filled) = _bank.Age(batch.Step);
        return [("bankAgeSteps", age), ("bankFilled", filled)];
    }

    /// <inheritdoc/>
    public override void Exchange(StateArchive archive)
    {
        base.Exchange(archive);
        archive.Part("bank", _bank);
        _normaliser.Exchange(archive);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _bank.Dispose();
        _normaliser.Dispose();
    }

    /// <inheritdoc/>
    public override void Check(IReadOnlyList<int> sides) => _ = Cell(sides[1]);

    /// <summary>The side of a cell of the jigsaw.</summary>
    private int Cell(int width) => width >= _options.Grid
        ? width / _options.Grid
        : throw new RecipeException($"method.grid: must be at most the {width} pixels of a view's side, is {_options.Grid}; make views larger");

    /// <summary>The pieces of every image in an order of its own, [N * grid^2, 3, p, p].</summary>
    internal Tensor Pieces(ViewBatch batch)
    {
        using var scope = NewDisposeScope();
        var images = batch.Views[1];
        var width = images.shape[3];
        var cell = Cell((int)width);
        var side = SideOfPiece(cell);
        var samples = batch.Samples.cpu().data<long>().ToArray();
        var corners = new long[samples.Length, _options.Grid * _options.Grid];
        for (var i = 0; i < samples.Length; i++)
        {
            var random = new CounterRandom(Context.Seed, RandomPurpose.Jigsaw, batch.Epoch, samples[i]);
            Span<int> order = [.. Enumerable.Range(0, corners.GetLength(1))];
            random.Shuffle(order);
            for (var j = 0; j < order.Length; j++)
            {
                var (row, column) = Math.DivRem(order[j], _options.Grid);
                var y = (row * cell) + random.NextInt(cell - side + 1);
                var x = (column * cell) + random.NextInt(cell - side + 1);
                corners[i, j] = (y * width) + x;
            }
        }

        return Patches.Cut(images, tensor(corners), side).MoveToOuterDisposeScope();
    }

    /// <summary>p, the side of a piece of a cell.</summary>
    internal int SideOfPiece(int cell) => Math.Max(1, (int)Math.Round(_options.PatchFraction * cell));

    private static EncoderParts Parts(int grid) => widths =>
    [
        (Patch, nn.Linear(widths.Features, widths.Embedding)),
        (Jigsaw, nn.Linear(grid * grid * widths.Embedding, widths.Embedding)),
    ];
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class PirlOptions : IRemembers
{
    /// <summary>Cells of the jigsaw in a row and in a column.</summary>
    [Range(2, 16)]
    public int Grid { get; set; } = 3;

    /// <summary>
    /// The side of a piece as a part of its cell's; where in the cell it lies is drawn. The paper's 64 pixels of 75 are 0.85. A
    /// gap between pieces is what keeps their edges from giving their places away.
    /// </summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double PatchFraction { get; set; } = 0.85;

    /// <summary>lambda, what the jigsaw's term weighs; the image's weighs the rest.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double JigsawWeight { get; set; } = 0.5;

    /// <summary>Divides every similarity.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.07;

    /// <summary>N, slots drawn for each image.</summary>
    [Range(1, int.MaxValue)]
    public int Negatives { get; set; } = 32000;

    /// <summary>m in slot = normalise(m slot + (1 - m) embedding).</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double BankMomentum { get; set; } = 0.5;

    /// <summary>How slots are stored; bfloat16 takes half the memory.</summary>
    public BankPrecision BankPrecision { get; set; } = BankPrecision.Float32;

    /// <summary>
    /// Whether each rank keeps the slots of a part of the images, for banks larger than one card; false where it is left out. The
    /// numbers are the same up to rounding, and nothing changes with one rank.
    /// </summary>
    public bool? ShardBank { get; set; }

    /// <inheritdoc/>
    public IEnumerable<StoreSize> Stores(StoreScale scale) =>
        [new("memory bank", MemoryBank.Bytes(scale.Images, scale.Width, BankPrecision, ShardBank == true ? scale.Ranks : 1))];
}
