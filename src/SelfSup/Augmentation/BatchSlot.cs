using System.Runtime.ExceptionServices;

using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Augmentation;

/// <summary>Where a slot of the loader's ring is on its way round.</summary>
internal enum SlotState
{
    /// <summary>Waiting for a step.</summary>
    Free,

    /// <summary>Workers write its rows.</summary>
    Filling,

    /// <summary>All rows are done, or one failed.</summary>
    Ready,

    /// <summary>The consumer has it.</summary>
    Lent,
}

/// <summary>
/// The memory of one batch: tensors that are allocated once and filled again and again, because fresh memory of this
/// size costs more in page faults than the writing. Workers write different rows at the same time, through the
/// tensors' addresses; everything else is changed under the lock of the <see cref="BatchRing"/>.
/// </summary>
internal sealed unsafe class BatchSlot : IDisposable
{
    private readonly Tensor _samples; // [N]
    private readonly Tensor _labels; // [N]
    private readonly Tensor[] _views; // V of [N, 3, S, S], in the memory of _stores
    private readonly Tensor[] _stores; // V of [N, 3, S, S] or, channels last, [N, S, S, 3]
    private readonly long* _sampleAt;
    private readonly long* _labelAt;
    private readonly byte*[] _viewAt;
    private readonly int[] _pixels;
    private readonly ViewFormat _format;
    private readonly bool[] _leftOut;
    private ExceptionDispatchInfo? _failure;
    private int _failedRow;

    /// <param name="batchSize">N.</param>
    /// <param name="viewSizes">S of each view.</param>
    /// <param name="format">How values are stored.</param>
    /// <param name="pinned">Whether the memory is page-locked, so that copies to a GPU run beside its work.</param>
    public BatchSlot(int batchSize, IReadOnlyList<int> viewSizes, ViewFormat format, bool pinned)
    {
        _format = format;
        Indices = new int[batchSize];
        _leftOut = new bool[batchSize];
        _samples = empty(batchSize, dtype: int64).DetachFromDisposeScope();
        _labels = empty(batchSize, dtype: int64).DetachFromDisposeScope();
        _stores = [.. viewSizes.Select(size => Store(batchSize, size, format, pinned))];
        // Channels last is a matter of strides: the shape stays [N, 3, S, S].
        _views = format.ChannelsLast
            ? [.. _stores.Select(store => store.permute(0, 3, 1, 2).DetachFromDisposeScope())]
            : _stores;
        _pixels = [.. viewSizes.Select(size => size * size)];
        _sampleAt = TensorMemory.Address<long>(_samples);
        _labelAt = TensorMemory.Address<long>(_labels);
        _viewAt = new byte*[_stores.Length];
        for (var view = 0; view < _stores.Length; view++)
        {
            _viewAt[view] = TensorMemory.Address<byte>(_stores[view]);
        }
    }

    public SlotState State { get; set; }

    /// <summary>Bytes of the views.</summary>
    public long Bytes => _stores.Sum(store => store.numel() * store.ElementSize);

    public long Step { get; private set; }

    public long Epoch { get; private set; }

    /// <summary>The images of the step, in the order of the rows; <see cref="Rows"/> of them count.</summary>
    public int[] Indices { get; }

    /// <summary>Rows of the step, at most N.</summary>
    public int Rows { get; private set; }

    /// <summary>Rows that were given to workers.</summary>
    public int Assigned { get; set; }

    /// <summary>Rows that workers are done with.</summary>
    public int Finished { get; set; }

    /// <summary>Begins a step whose images are in <see cref="Indices"/>.</summary>
    public void Begin(long step, long epoch, int rows)
    {
        (Step, Epoch, Rows, Assigned, Finished, _failure) = (step, epoch, rows, 0, 0, null);
        _leftOut.AsSpan().Clear();
        State = SlotState.Filling;
    }

    /// <summary>The memory of one view of one row.</summary>
    public ViewTarget View(int view, int row) => new(RowOf(view, row), _pixels[view], _format);

    /// <summary>Says which image a row holds.</summary>
    public void SetRow(int row, long sample, long label) => (_sampleAt[row], _labelAt[row]) = (sample, label);

    /// <summary>Says that a row holds no image.</summary>
    public void LeaveOut(int row) => _leftOut[row] = true;

    /// <summary>Notes why a row failed. The first row's reason stays, so it does not depend on the workers.</summary>
    public void Fail(int row, Exception exception)
    {
        if (_failure is null || row < _failedRow)
        {
            (_failure, _failedRow) = (ExceptionDispatchInfo.Capture(exception), row);
        }
    }

    /// <summary>Throws what a worker met in this step, if it met anything.</summary>
    public void ThrowFailure() => _failure?.Throw();

    /// <summary>Moves the rows together where some were left out.</summary>
    public void Close()
    {
        var kept = 0;
        for (var row = 0; row < Rows; row++)
        {
            if (_leftOut[row])
            {
                continue;
            }

            if (kept != row)
            {
                SetRow(kept, _sampleAt[row], _labelAt[row]);
                for (var view = 0; view < _views.Length; view++)
                {
                    Buffer.MemoryCopy(RowOf(view, row), RowOf(view, kept), RowBytes(view), RowBytes(view));
                }
            }

            kept++;
        }

        Rows = kept;
    }

    /// <summary>The batch of the rows; disposing it does <paramref name="handBack"/>.</summary>
    public ViewBatch Lend(Action handBack)
    {
        if (Rows == Indices.Length)
        {
            return new ViewBatch(Step, Epoch, _samples, _labels, _views, handBack);
        }

        var samples = Part(_samples);
        var labels = Part(_labels);
        Tensor[] views = [.. _views.Select(Part)];
        return new ViewBatch(Step, Epoch, samples, labels, views, () =>
        {
            samples.Dispose();
            labels.Dispose();
            Array.ForEach(views, view => view.Dispose());
            handBack();
        });
    }

    public void Dispose()
    {
        _samples.Dispose();
        _labels.Dispose();
        Array.ForEach(_views, view => view.Dispose());
        if (_format.ChannelsLast)
        {
            Array.ForEach(_stores, store => store.Dispose());
        }
    }

    private long RowBytes(int view) => 3L * _pixels[view] * _format.ValueBytes;

    private byte* RowOf(int view, int row) => _viewAt[view] + (row * RowBytes(view));

    private static Tensor Store(int batchSize, int size, ViewFormat format, bool pinned)
    {
        long[] shape = format.ChannelsLast ? [batchSize, size, size, 3] : [batchSize, 3, size, size];
        var store = empty(shape, dtype: format.IsBFloat16 ? bfloat16 : float32);
        if (!pinned)
        {
            return store.DetachFromDisposeScope();
        }

        using (store)
        {
            return store.pin_memory().DetachFromDisposeScope();
        }
    }

    private Tensor Part(Tensor whole) => whole.narrow(0, 0, Rows).DetachFromDisposeScope();
}
