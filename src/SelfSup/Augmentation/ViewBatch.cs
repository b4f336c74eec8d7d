using static TorchSharp.torch;

namespace SelfSup.Augmentation;

/// <summary>
/// The views of one batch of images. The tensors belong to no dispose scope; they are valid until the batch is
/// disposed, which hands their memory back to the loader for a later batch.
/// </summary>
public sealed class ViewBatch : IDisposable
{
    private Action? _handBack;

    /// <param name="step">The step the batch belongs to.</param>
    /// <param name="epoch">The epoch the step belongs to.</param>
    /// <param name="samples">Index of each image in the data set, [N] int64.</param>
    /// <param name="labels">Label of each image, -1 without, [N] int64.</param>
    /// <param name="views">V tensors of [N, 3, S, S] float32 or bfloat16; S may differ between views.</param>
    /// <param name="handBack">What is done when the batch is disposed.</param>
    internal ViewBatch(
        long step, long epoch, Tensor samples, Tensor labels, IReadOnlyList<Tensor> views, Action? handBack = null)
    {
        (Step, Epoch, Samples, Labels, Views, _handBack) = (step, epoch, samples, labels, views, handBack);
    }

    /// <summary>The step the batch belongs to.</summary>
    public long Step { get; }

    /// <summary>The epoch the step belongs to.</summary>
    public long Epoch { get; }

    /// <summary>Index of each image in the data set, [N] int64.</summary>
    public Tensor Samples { get; }

    /// <summary>Label of each image, -1 where the source has no labels, [N] int64.</summary>
    public Tensor Labels { get; }

    /// <summary>V tensors of [N, 3, S, S]; the strides are those of channels last where the loader was told so.</summary>
    public IReadOnlyList<Tensor> Views { get; }

    /// <summary>The batch on a device: itself on the CPU, else copies that belong to the current dispose scope.</summary>
    internal ViewBatch To(Device device) => device.type == TorchSharp.DeviceType.CPU
        ? this
        : new ViewBatch(
            Step, Epoch, Samples.to(device), Labels.to(device), [.. Views.Select(v => v.to(device, non_blocking: true))]);

    /// <summary>The same samples with other views of them, which belong to the current dispose scope.</summary>
    internal ViewBatch With(IReadOnlyList<Tensor> views) => new(Step, Epoch, Samples, Labels, views) { FirstRow = FirstRow };

    /// <summary>Where its first image stands in the whole batch that it is a part of.</summary>
    public long FirstRow { get; private init; }

    /// <summary>
    /// The batch in parts of at most so many images, as equal as they can be; one more where else an image would be alone,
    /// which nothing can normalise. Views of it that belong to the current dispose scope.
    /// </summary>
    internal IReadOnlyList<ViewBatch> Slices(int largest)
    {
        var images = Samples.shape[0];
        return Parts(Math.Clamp((images + largest - 1) / largest, 1, Math.Max(1, images / 2)));
    }

    /// <summary>The batch in so many parts, as equal as they can be; views of it that belong to the current dispose scope.</summary>
    internal IReadOnlyList<ViewBatch> Parts(long count)
    {
        var images = Samples.shape[0];
        var parts = new ViewBatch[Math.Min(count, images)];
        for (long i = 0; i < parts.Length; i++)
        {
            var first = i * images / parts.Length;
            var length = ((i + 1) * images / parts.Length) - first;
            parts[i] = new ViewBatch(
                Step, Epoch, Samples.narrow(0, first, length), Labels.narrow(0, first, length),
                [.. Views.Select(view => view.narrow(0, first, length))])
            {
                FirstRow = first,
            };
        }

        return parts;
    }

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Exchange(ref _handBack, null)?.Invoke();
}
