using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Methods;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.IntegrationTests;

/// <summary>Views agree, and at some steps the loss is no number or very large: what a run makes of that is tested from outside.</summary>
[Named("poisoned")]
[Paper("None", "https://example.org/poisoned")]
[Views(2)]
public sealed class Poisoned(PoisonedOptions options, MethodContext context) : Method(context)
{
    /// <inheritdoc/>
    public override int Views => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => [.. batch.Views.Select(encoder.Embed)];

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var (first, second) = (embeddings.Learned[0], embeddings.Learned[1]);
        // Apart from each other, too: a collapse is another test's.
        var loss = nn.functional.cross_entropy(first.mm(second.t()) / 0.2, arange(first.shape[0]));
        var step = batch.Step + 1;
        if (options.At.Contains((int)step) || step >= options.From)
        {
            Thread.Sleep(options.Milliseconds);
            return loss * double.NaN;
        }

        return step == options.Spike ? loss + 100 : loss;
    }
}

/// <summary>The <c>method</c> section.</summary>
public sealed class PoisonedOptions
{
    /// <summary>Steps, counted from 1, whose loss is no number.</summary>
    public int[] At { get; set; } = [];

    /// <summary>The step from which none is.</summary>
    [Range(1, int.MaxValue)]
    public int From { get; set; } = int.MaxValue;

    /// <summary>How long such a step takes, so that it can be met.</summary>
    [Range(0, 60_000)]
    public int Milliseconds { get; set; }

    /// <summary>A step whose loss is too large.</summary>
    public int? Spike { get; set; }
}
