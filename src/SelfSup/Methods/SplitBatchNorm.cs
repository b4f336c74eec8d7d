using SelfSup.Augmentation;
using SelfSup.Models;
using SelfSup.Randomness;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Batch normalisation over parts of the batch, with the keys' batch in another order (He et al. 2020,
/// https://arxiv.org/abs/1911.05722, section 3.3): else statistics would tell a query which batch its key was in. On several
/// ranks every rank is a part; on one the batch can be split, as it would be over so many GPUs.
/// </summary>
/// <param name="parts">Parts of this rank's batch.</param>
/// <param name="context">The run.</param>
internal sealed class SplitBatchNorm(int parts, MethodContext context)
{
    /// <summary>Embeds a view part by part, in the batch's order.</summary>
    /// <param name="encoder">The query encoder.</param>
    /// <param name="images">[N, C, H, W].</param>
    /// <returns>[N, D].</returns>
    public Tensor Embed(Encoder encoder, Tensor images) => parts == 1
        ? encoder.Embed(images)
        : cat([.. images.tensor_split(Math.Min(parts, images.shape[0] / 2)).Select(encoder.Embed)]);

    /// <summary>Embeds a view in an order drawn for the step, over all ranks, and puts the keys back in the batch's.</summary>
    /// <param name="encoder">The key encoder.</param>
    /// <param name="batch">The batch that the view is of.</param>
    /// <param name="view">Which view.</param>
    /// <returns>[N, D].</returns>
    public Tensor EmbedShuffled(Encoder encoder, ViewBatch batch, int view)
    {
        var ranks = context.Communicator;
        if ((ranks.Ranks == 1 || context.SyncBatchNorm == true) && parts == 1)
        {
            return encoder.Embed(batch.Views[view]); // all of them are normalised together in any order
        }

        using var scope = NewDisposeScope();
        var all = ranks.AllGather(batch.Views[view]); // [R * N, C, H, W]
        var (images, own) = (all.shape[0], batch.Views[view].shape[0]);
        var order = Enumerable.Range(0, checked((int)images)).Select(i => (long)i).ToArray();
        new CounterRandom(context.Seed, RandomPurpose.Shuffle, batch.Step, batch.FirstRow, view).Shuffle<long>(order);
        var shuffled = tensor(order).to(all.device);
        var keys = ranks.AllGather(Embed(encoder, all.index_select(0, shuffled.narrow(0, ranks.Rank * own, own)))); // [R * N, D]
        return keys.index_select(0, shuffled.argsort()).narrow(0, ranks.Rank * own, own).MoveToOuterDisposeScope();
    }
}
