using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Losses;

using static TorchSharp.torch;

namespace SelfSup.Negatives;

/// <summary>
/// An embedding of every image of the data set, renewed when the image comes by (Wu et al. 2018,
/// https://arxiv.org/abs/1805.01978, section 3.1): all of them on every rank, or on every rank a part. What images are compared
/// with comes from here, so that who compares need not know which. Every rank makes the same calls in the same order, with as
/// many images as the others.
/// </summary>
public abstract class MemoryBank : IStateful, IDisposable
{
    private readonly Tensor _renewed; // the step of each slot's last renewal, -1 before

    /// <param name="settings">What it is like.</param>
    /// <param name="part">Which images' slots are here.</param>
    /// <param name="like">Its device, and its element type for full precision.</param>
    /// <param name="communicator">The ranks.</param>
    private protected MemoryBank(BankSettings settings, Block part, Tensor like, Communicator communicator)
    {
        (Settings, Part, Communicator) = (settings, part, communicator);
        var type = settings.Precision == BankPrecision.Bfloat16 ? bfloat16 : like.dtype;
        Slots = zeros([part.Length, settings.Width], type, like.device).DetachFromDisposeScope();
        UnitVectors.Fill(Slots, settings.Seed, part.Start, settings.Images);
        _renewed = full([part.Length], -1, int32, like.device).DetachFromDisposeScope();
    }

    /// <summary>What it is like.</summary>
    public BankSettings Settings { get; }

    /// <summary>The slots that are here, of all images or of a part of them; they change in place.</summary>
    public Tensor Slots { get; }

    /// <summary>Which images' slots are here.</summary>
    private protected Block Part { get; }

    /// <summary>The ranks.</summary>
    private protected Communicator Communicator { get; }

    /// <summary>A bank of random unit vectors, the same on any number of ranks.</summary>
    /// <param name="settings">What it is like.</param>
    /// <param name="like">Its device, and its element type for full precision.</param>
    /// <param name="communicator">The ranks.</param>
    /// <param name="sharded">Whether each rank shall have a part of it; nothing to a single one.</param>
    /// <exception cref="Errors.RecipeException">There are fewer images than ranks that would have a part.</exception>
    public static MemoryBank Create(BankSettings settings, Tensor like, Communicator communicator, bool sharded) =>
        sharded && communicator.Ranks > 1 ? new ShardedBank(settings, like, communicator) : new WholeBank(settings, like, communicator);

    /// <summary>Bytes of a bank on a rank, the largest where they differ.</summary>
    /// <param name="images">M.</param>
    /// <param name="width">D.</param>
    /// <param name="precision">How slots are stored.</param>
    /// <param name="ranks">How many have a part of it each.</param>
    public static long Bytes(long images, long width, BankPrecision precision, int ranks = 1) =>
        (images + ranks - 1) / ranks * ((width * (precision == BankPrecision.Bfloat16 ? 2 : sizeof(float))) + sizeof(int));

    /// <summary>The slots of this rank's images, [N, D], in another element type.</summary>
    /// <param name="samples">Which images, int64 [N].</param>
    /// <param name="type">That of the embeddings they are compared with.</param>
    public abstract Tensor Of(Tensor samples, ScalarType type);

    /// <summary>
    /// Draws negatives for each image, uniformly from all M with replacement, as the paper's noise distribution: the image
    /// itself may be among them.
    /// </summary>
    /// <param name="step">The step; its draws are a function of it and of each image.</param>
    /// <param name="samples">This rank's images, int64 [N].</param>
    /// <param name="count">K.</param>
    public abstract BankDraw Draw(long step, Tensor samples, int count);

    /// <summary>The constant Z of noise-contrastive estimation (eq. 8), estimated from the images of all ranks.</summary>
    /// <param name="embeddings">Unit-length embeddings of this rank's images, [N, D].</param>
    /// <param name="drawn">What was drawn for them.</param>
    /// <param name="temperature">Divides every similarity.</param>
    public abstract double Normaliser(Tensor embeddings, BankDraw drawn, double temperature);

    /// <summary>Noise-contrastive estimation, the mean over this rank's images (eq. 7): a scalar.</summary>
    /// <param name="embeddings">Unit-length embeddings of this rank's images, [N, D].</param>
    /// <param name="drawn">What was drawn for them.</param>
    /// <param name="temperature">Divides every similarity.</param>
    /// <param name="normaliser">Z.</param>
    public abstract Tensor NoiseContrastiveLoss(Tensor embeddings, BankDraw drawn, double temperature, double normaliser);

    /// <summary>The logarithm of the sum of exponentials over all M slots, the denominator of the exact softmax (eq. 2): [N].</summary>
    /// <param name="embeddings">Unit-length embeddings of this rank's images, [N, D].</param>
    /// <param name="temperature">Divides every similarity.</param>
    public abstract Tensor LogSumExp(Tensor embeddings, double temperature);

    /// <summary>slot = normalise(m slot + (1 - m) embedding) for the images of a step, those of all ranks.</summary>
    /// <param name="step">The step.</param>
    /// <param name="samples">This rank's images, int64 [N], each once over all ranks.</param>
    /// <param name="embeddings">Their unit-length embeddings, [N, D].</param>
    public void Update(long step, Tensor samples, Tensor embeddings)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (rows, renewals) = Here(Communicator.AllGather(samples), Communicator.AllGather(embeddings.detach().contiguous()));
        if (rows.shape[0] > 0)
        {
            var moved = Slots.index_select(0, rows).to(renewals.dtype).lerp_(renewals, 1 - Settings.Momentum);
            Slots.index_copy_(0, rows, nn.functional.normalize(moved, dim: 1).to(Slots.dtype));
            _renewed.index_fill_(0, rows, checked((int)step));
        }
    }

    /// <summary>How many steps ago slots were renewed, on average over those of all ranks that were; and what share was.</summary>
    public (double MeanAge, double Filled) Age(long step)
    {
        using var scope = NewDisposeScope();
        var filled = _renewed.ge(0);
        var sums = stack([filled.sum(int64), (_renewed * filled).sum(int64)]);
        Join(sums);
        var (count, steps) = (sums[0].item<long>(), sums[1].item<long>());
        return (count == 0 ? 0 : step - (steps / (double)count), (double)count / Settings.Images);
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        Exchange(archive, "slots", Slots);
        Exchange(archive, "renewed", _renewed);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Slots.Dispose();
        _renewed.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Those of all ranks' images whose slots are here: their rows, int64, and their embeddings.</summary>
    /// <param name="samples">Which images, int64 [R * N].</param>
    /// <param name="embeddings">[R * N, D].</param>
    private protected abstract (Tensor Rows, Tensor Embeddings) Here(Tensor samples, Tensor embeddings);

    /// <summary>Makes sums over the slots that are here sums over all.</summary>
    private protected abstract void Join(Tensor sums);

    /// <summary>Exchanges what there is of every slot, [slots, ...].</summary>
    private protected abstract void Exchange(StateArchive archive, string name, Tensor value);
}
