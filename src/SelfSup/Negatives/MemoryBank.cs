using SelfSup.Checkpoints;
using SelfSup.Randomness;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Negatives;

/// <summary>
/// An embedding of every image of the data set, renewed when the image comes by (Wu et al. 2018,
/// https://arxiv.org/abs/1805.01978, section 3.1).
/// </summary>
public sealed class MemoryBank : IStateful, IDisposable
{
    private readonly double _momentum;
    private readonly ulong _seed;
    private readonly Tensor _renewed; // the step of each slot's last renewal, -1 before

    /// <summary>A bank of random unit vectors.</summary>
    /// <param name="images">M.</param>
    /// <param name="width">D.</param>
    /// <param name="momentum">m in slot = normalise(m slot + (1 - m) embedding).</param>
    /// <param name="precision">How slots are stored.</param>
    /// <param name="seed">Before an image came by, its slot is a random unit vector; draws are functions of it too.</param>
    /// <param name="like">Its device, and its element type for full precision.</param>
    public MemoryBank(long images, long width, double momentum, BankPrecision precision, ulong seed, Tensor like)
    {
        (_momentum, _seed) = (momentum, seed);
        var type = precision == BankPrecision.Bfloat16 ? bfloat16 : like.dtype;
        Slots = zeros([images, width], type, like.device).DetachFromDisposeScope();
        UnitVectors.Fill(Slots, seed);
        _renewed = full([images], -1, int32, like.device).DetachFromDisposeScope();
    }

    /// <summary>The slots, [M, D]; they change in place.</summary>
    public Tensor Slots { get; }

    /// <summary>The slots of some images, [N, D], in another element type.</summary>
    /// <param name="samples">Which images, int64 [N].</param>
    /// <param name="type">That of the embeddings they are compared with.</param>
    public Tensor Of(Tensor samples, ScalarType type)
    {
        using var scope = NewDisposeScope();
        return Slots.index_select(0, samples).to(type).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Draws negatives for each image, uniformly from all M with replacement, as the paper's noise distribution: the image
    /// itself may be among them.
    /// </summary>
    /// <param name="step">The step; its draws are a function of it and of each image.</param>
    /// <param name="samples">Which images, int64 [N].</param>
    /// <param name="count">K.</param>
    /// <returns>Their slots, int64 [N, K].</returns>
    public unsafe Tensor Draw(long step, Tensor samples, int count)
    {
        var images = checked((int)Slots.shape[0]);
        var of = samples.cpu().data<long>().ToArray();
        // Written where it stays: a million indices a step would keep the garbage collector busy.
        var drawn = empty([of.Length, count], int64);
        var slots = TensorMemory.Address<long>(drawn);
        foreach (var sample in of)
        {
            var random = new CounterRandom(_seed, RandomPurpose.Negatives, step, sample);
            for (var k = 0; k < count; k++)
            {
                *slots++ = random.NextInt(images);
            }
        }

        return drawn.to(samples.device);
    }

    /// <summary>slot = normalise(m slot + (1 - m) embedding) for the images of a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="samples">Which images, int64 [N], each once.</param>
    /// <param name="embeddings">Their unit-length embeddings, [N, D].</param>
    public void Update(long step, Tensor samples, Tensor embeddings)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var moved = Of(samples, embeddings.dtype).lerp_(embeddings.detach(), 1 - _momentum);
        Slots.index_copy_(0, samples, nn.functional.normalize(moved, dim: 1).to(Slots.dtype));
        _renewed.index_fill_(0, samples, checked((int)step));
    }

    /// <summary>How many steps ago slots were renewed, on average over those that were; and what share was.</summary>
    public (double MeanAge, double Filled) Age(long step)
    {
        using var scope = NewDisposeScope();
        var filled = _renewed.ge(0);
        var count = filled.sum(int64).item<long>();
        var age = count == 0 ? 0 : step - ((_renewed.sum(int64).item<long>() + _renewed.shape[0] - count) / (double)count);
        return (age, (double)count / _renewed.shape[0]);
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        archive.Tensor("slots", Slots);
        archive.Tensor("renewed", _renewed);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Slots.Dispose();
        _renewed.Dispose();
    }

    /// <summary>Bytes of a bank.</summary>
    public static long Bytes(long images, long width, BankPrecision precision) =>
        images * ((width * (precision == BankPrecision.Bfloat16 ? 2 : sizeof(float))) + sizeof(int));
}

/// <summary>How the slots of a memory bank are stored.</summary>
public enum BankPrecision
{
    /// <summary>float32.</summary>
    Float32,

    /// <summary>bfloat16: half the memory; similarities are still summed in float32.</summary>
    Bfloat16,
}
