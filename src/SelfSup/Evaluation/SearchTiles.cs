using System.Numerics;

using SelfSup.Losses;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>
/// What a thread needs to compare queries with a bank: a tile of the bank as the product wants it, a tile of products that
/// stays in the core's cache, and the lists of what is nearest.
/// </summary>
internal sealed unsafe class SearchTiles : IDisposable
{
    private const long QueriesAtOnce = 256;

    private readonly SearchBank _bank;
    private readonly int _kept;
    private readonly List<NearestList> _lists = [];
    private readonly (ulong[] Keys, int[] Places) _spare;
    private readonly long _width;
    private readonly Tensor _left; // the block of queries, [., width]
    private readonly Tensor _padded; // the tile of the bank, [columns, width]
    private readonly Tensor? _transposed;
    private readonly Tensor _products; // [QueriesAtOnce, columns]

    /// <param name="bank">Whose rows are searched.</param>
    /// <param name="kept">How many neighbours each query gets.</param>
    /// <param name="mostQueries">In a block of queries.</param>
    public SearchTiles(SearchBank bank, long kept, long mostQueries)
    {
        (_bank, _kept) = (bank, (int)kept);
        var capacity = NearestList.Capacity(kept, bank.Count);
        _spare = (new ulong[capacity], new int[capacity]);
        var columns = Block.RoundUp(bank.TileRows, Float32Products.Columns);
        _width = bank.UsesVectors ? Block.RoundUp(bank.Rows.shape[1], Float32Products.Columns) : bank.Rows.shape[1];
        // It is used by any thread, and by searches to come.
        _left = zeros([Block.RoundUp(mostQueries, Float32Products.Rows), _width], dtype: bank.Rows.dtype).DetachFromDisposeScope();
        _padded = zeros([columns, _width], dtype: bank.Rows.dtype).DetachFromDisposeScope();
        _transposed = bank.UsesVectors
            ? zeros([columns / Float32Products.Columns, _width, Float32Products.Columns], dtype: float32).DetachFromDisposeScope()
            : null;
        _products = zeros([QueriesAtOnce, columns], dtype: bank.Rows.dtype).DetachFromDisposeScope();
    }

    /// <summary>Finds what is nearest to a block of queries.</summary>
    /// <param name="queries">[Q, F], as <see cref="SearchBank.Prepare"/> made them.</param>
    /// <param name="excluded">For each query the place that is passed over, or empty.</param>
    /// <returns>A list for each query.</returns>
    public IReadOnlyList<NearestList> Find(Tensor queries, ReadOnlySpan<long> excluded)
    {
        var count = (int)queries.shape[0];
        while (_lists.Count < count)
        {
            _lists.Add(new NearestList(_kept, _bank.Bytes, _spare));
        }

        for (var i = 0; i < count; i++)
        {
            _lists[i].Begin(excluded.IsEmpty ? -1 : excluded[i]);
        }

        _left.narrow(0, 0, count).narrow(1, 0, queries.shape[1]).copy_(queries);
        for (var first = 0L; first < _bank.Count; first += _bank.TileRows)
        {
            using var scope = NewDisposeScope();
            var length = Math.Min(_bank.TileRows, _bank.Count - first);
            Load(first, length);
            for (var row = 0L; row < count; row += QueriesAtOnce)
            {
                var rows = Math.Min(QueriesAtOnce, count - row);
                if (_bank.Bytes == sizeof(float))
                {
                    Pass<float>(row, rows, first, length);
                }
                else
                {
                    Pass<double>(row, rows, first, length);
                }
            }
        }

        return _lists;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _left.Dispose();
        _padded.Dispose();
        _transposed?.Dispose();
        _products.Dispose();
    }

    private void Pass<T>(long row, long rows, long first, long length)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        long columns;
        if (_bank.UsesVectors)
        {
            columns = Block.RoundUp(length, Float32Products.Columns);
            Float32Products.Logits(
                TensorMemory.Address<float>(_left) + (row * _width),
                TensorMemory.Address<float>(_transposed!),
                TensorMemory.Address<float>(_products),
                Block.RoundUp(rows, Float32Products.Rows),
                columns,
                _width);
        }
        else
        {
            columns = length;
            _products.view(-1).narrow(0, 0, rows * length).view(rows, length)
                .addmm_(_left.narrow(0, row, rows), _padded.narrow(0, 0, length).t(), beta: 0, alpha: 1);
        }

        var products = TensorMemory.Address<T>(_products);
        var scales = TensorMemory.Address<T>(_bank.Scales) + first;
        var shifts = TensorMemory.Address<T>(_bank.Shifts) + first;
        for (var i = 0L; i < rows; i++)
        {
            _lists[(int)(row + i)].Pass(products + (i * columns), scales, shifts, (int)length, (int)first);
        }
    }

    // A tile of the bank in the order in which the product reads it; rows beyond its end are never looked at.
    private void Load(long first, long length)
    {
        var target = _padded.narrow(0, 0, length).narrow(1, 0, _bank.Rows.shape[1]);
        target.copy_(_bank.Rows.narrow(0, first, length));
        if (_bank.Middle is { } middle)
        {
            target.sub_(middle);
        }

        _transposed?.copy_(_padded.view(-1, Float32Products.Columns, _width).transpose(1, 2));
    }
}
