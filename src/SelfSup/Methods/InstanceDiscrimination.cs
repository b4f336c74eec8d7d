using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Losses;
using SelfSup.Models;
using SelfSup.Negatives;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Non-parametric instance discrimination (Wu et al. 2018, https://arxiv.org/abs/1805.01978): every image is a class of its
/// own, whose weights are its slot in a memory bank; by noise-contrastive estimation or by the exact softmax over all images.
/// </summary>
[Named("instanceDiscrimination")]
[Paper("Wu et al. 2018, non-parametric instance discrimination", "https://arxiv.org/abs/1805.01978")]
[Views(1)]
internal sealed class InstanceDiscrimination : Method
{
    private readonly InstanceDiscriminationOptions _options;
    private readonly MemoryBank _bank;
    private readonly NoiseNormaliser _normaliser;

    public InstanceDiscrimination(InstanceDiscriminationOptions options, MethodContext context)
        : base(context)
    {
        _options = options;
        var settings = new BankSettings(
            context.Images, Encoder.Widths.Embedding, options.BankMomentum, options.BankPrecision, context.Seed);
        _bank = MemoryBank.Create(settings, Encoder.Parameters.Values, context.Communicator, options.ShardBank == true);
        _normaliser = new NoiseNormaliser(_bank, options.Negatives ?? 4096, options.Temperature);
    }

    /// <inheritdoc/>
    public override int Views => 1;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => [encoder.Embed(batch.Views[0])];

    /// <summary>The images' own slots.</summary>
    public override IReadOnlyList<Tensor> Target(ViewBatch batch) => [_bank.Of(batch.Samples, Encoder.Parameters.Values.dtype)];

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var (v, slot) = (embeddings.Learned[0], embeddings.Constant[0]);
        var loss = _options.Loss == InstanceLoss.Softmax
            ? NonParametricSoftmax.FromLogSumExp(v, slot, _bank.LogSumExp(v, _options.Temperature), _options.Temperature) // eq. 2
            : Estimated(batch, v);
        return _options.Proximal == 0 ? loss : loss + (_options.Proximal * (v - slot).square().sum(dim: 1).mean()); // eq. 9
    }

    /// <inheritdoc/>
    public override void Commit(ViewBatch batch, Embeddings embeddings)
    {
        var v = embeddings.Learned[0].detach();
        if (_options.Loss == InstanceLoss.Nce)
        {
            _normaliser.Keep(batch, v);
        }

        _bank.Update(batch.Step, batch.Samples, v);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss)
    {
        var (age, filled) = _bank.Age(batch.Step);
        yield return ("bankAgeSteps", age);
        yield return ("bankFilled", filled);
        if (_options is { Loss: InstanceLoss.Softmax, Proximal: 0 })
        {
            yield return ("informationBound", InfoNce.Bound(loss, Context.Images));
        }
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

    private Tensor Estimated(ViewBatch batch, Tensor v)
    {
        var drawn = _normaliser.Draw(batch);
        return _bank.NoiseContrastiveLoss(v, drawn, _options.Temperature, _normaliser.Of(v, drawn)); // eq. 7
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class InstanceDiscriminationOptions : IValidatableObject, IRemembers
{
    /// <summary>How the softmax over all images is learned.</summary>
    public InstanceLoss Loss { get; set; } = InstanceLoss.Nce;

    /// <summary>Divides every similarity.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.07;

    /// <summary>K, slots drawn for each image with nce; the paper's 4,096 where it is left out.</summary>
    [Range(1, int.MaxValue)]
    public int? Negatives { get; set; }

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

    /// <summary>lambda of the proximal term, which holds embeddings near their slots (section 3.3); 0 leaves it out.</summary>
    [Range(0.0, 10000.0)]
    public double Proximal { get; set; }

    /// <inheritdoc/>
    public IEnumerable<StoreSize> Stores(StoreScale scale) =>
        [new("memory bank", MemoryBank.Bytes(scale.Images, scale.Width, BankPrecision, ShardBank == true ? scale.Ranks : 1))];

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Loss == InstanceLoss.Softmax && Negatives is not null)
        {
            yield return new("has no effect with loss: softmax, which sums over all images; leave it out", [nameof(Negatives)]);
        }
    }
}

/// <summary>How the softmax over all images is learned.</summary>
internal enum InstanceLoss
{
    /// <summary>Noise-contrastive estimation: slots of other images, drawn uniformly, are told from the image's own.</summary>
    Nce,

    /// <summary>The softmax itself, in tiles: every slot is a negative of every image.</summary>
    Softmax,
}
