using System.Buffers.Binary;
using System.Text.Json;

using Parquet;
using Parquet.Schema;

using SelfSup.Checkpoints;

namespace SelfSup.Training;

/// <summary>
/// <c>metrics.parquet</c>: what <c>metrics.jsonl</c> holds, a row a step, columns of numbers, null where nothing was measured. It is made
/// of the lines again whenever they have become a tenth more, so that a run of any length spends a few seconds on it in all; groups
/// of rows that are full are only copied. The same lines give the same bytes.
/// </summary>
/// <param name="log"><c>metrics.jsonl</c>.</param>
/// <param name="path">The file.</param>
/// <param name="warn">Told when it cannot be written, and when it can be again. From any thread.</param>
internal sealed class MetricsTable(string log, string path, Action<string> warn)
{
    /// <summary>Rows of a full group.</summary>
    public const int GroupRows = 1 << 16;

    private const int TailBytes = 8; // behind the footer: its length, and PAR1
    private const int GrowthShare = 10;

    // Measured numbers do not come twice: a dictionary of them takes time and no less room.
    private static readonly ParquetOptions _options = new()
    {
        CompressionMethod = CompressionMethod.Zstd,
        CompressionLevel = System.IO.Compression.CompressionLevel.Fastest,
        DictionaryEncodingThreshold = 0,
    };

    private static readonly string _units = JsonSerializer.Serialize(new Dictionary<string, string>
    {
        ["epoch"] = "epoch",
        ["imagesPerSecond"] = "image/s",
        ["dataWaitSeconds"] = "s",
        ["stepSeconds"] = "s",
        ["evaluationSeconds"] = "s",
    });

    private readonly Lock _gate = new();
    private readonly List<string> _names = []; // of columns, as they appear
    private Full? _full;
    private long _linesBytes = -1; // what the file is made of
    private bool _hasFailed;

    /// <summary>Brings the file up to date. From any thread.</summary>
    /// <param name="always">Whether also where little has come to it.</param>
    public void Update(bool always)
    {
        lock (_gate)
        {
            try
            {
                var bytes = File.Exists(log) ? new FileInfo(log).Length : 0;
                if (bytes == 0 || bytes == _linesBytes || (!always && bytes - _linesBytes < _linesBytes / GrowthShare))
                {
                    return;
                }

                DurableFile.Write(path, file => Write(file, bytes));
                _linesBytes = bytes;
                if (_hasFailed)
                {
                    _hasFailed = false;
                    warn($"{path}: can be written again; nothing is missing in it");
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _full = null;
                if (!_hasFailed)
                {
                    warn($"{path}: cannot be written ({e.Message}); training goes on, and it is made of metrics.jsonl when it can be");
                }

                _hasFailed = true;
            }
        }
    }

    private void Write(Stream file, long bytes)
    {
        while (!TryWrite(file, bytes))
        {
            _full = null; // a measure that was new after full groups: all is made again, with its column
            file.SetLength(0);
        }
    }

    /// <summary>Writes the file with the columns that are known.</summary>
    /// <returns>Whether no other was met.</returns>
    private bool TryWrite(Stream file, long bytes)
    {
        Copy(file);
        var rows = new MetricsRows();
        foreach (var (line, begin) in Lines(_full?.LinesBytes ?? 0, bytes))
        {
            using var json = Parsed(line);
            if (json is null || MetricsRows.StepOf(json.RootElement) is not { } step)
            {
                continue;
            }

            if (rows.Count == GroupRows && !rows.GoesOn(step))
            {
                if (Learn(rows) && _full is not null)
                {
                    return false;
                }

                Append(file, rows);
                var footer = TailOf(file);
                _full = new Full(begin, file.Length - footer.Length, footer);
                rows = new MetricsRows();
            }

            rows.Add(step, json.RootElement);
        }

        if (Learn(rows) && _full is not null)
        {
            return false;
        }

        if (rows.Count > 0)
        {
            Append(file, rows);
        }

        return true;
    }

    /// <summary>The full groups of the file that is there.</summary>
    private void Copy(Stream file)
    {
        if (_full is not { } full)
        {
            return;
        }

        using (var before = File.OpenRead(path))
        {
            var buffer = new byte[1 << 20];
            for (var left = full.DataBytes; left > 0;)
            {
                var count = (int)Math.Min(left, buffer.Length);
                before.ReadExactly(buffer.AsSpan(0, count));
                file.Write(buffer.AsSpan(0, count));
                left -= count;
            }
        }

        file.Write(full.Footer);
    }

    /// <summary>Takes in names of columns.</summary>
    /// <returns>Whether there are new ones.</returns>
    private bool Learn(MetricsRows rows)
    {
        var before = _names.Count;
        _names.AddRange(rows.Columns.Keys.Except(_names));
        return _names.Count > before;
    }

    private void Append(Stream file, MetricsRows rows) => AppendAsync(file, rows).GetAwaiter().GetResult(); // the stream is synchronous

    private async Task AppendAsync(Stream file, MetricsRows rows)
    {
        var step = new DataField("step", typeof(long), isNullable: false);
        DataField[] others = [.. _names.OrderBy(Place).Select(name => new DataField(name, typeof(double), isNullable: true))];
        file.Position = 0;
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema([step, .. others]), file, _options, append: file.Length > 0);
        writer.CustomMetadata = new Dictionary<string, string> { ["selfsup.units"] = _units };
        using var group = writer.CreateRowGroup();
        await group.WriteAllPartsAsync<long>(step, rows.Steps, null, null, default);
        foreach (var field in others)
        {
            var column = rows.Columns.GetValueOrDefault(field.Name) ?? new MetricsColumn();
            await group.WriteAllPartsAsync<double>(field, column.Values, column.Levels(rows.Count), null, default);
        }
    }

    /// <summary>Numbers of steps first, then those of looks and of evaluations.</summary>
    private static int Place(string name) => !name.Contains('_') ? 0 : name.StartsWith("evaluation_", StringComparison.Ordinal) ? 2 : 1;

    private static byte[] TailOf(Stream file)
    {
        Span<byte> tail = stackalloc byte[TailBytes];
        _ = file.Seek(-TailBytes, SeekOrigin.End);
        file.ReadExactly(tail);
        var footer = new byte[BinaryPrimitives.ReadInt32LittleEndian(tail) + TailBytes];
        _ = file.Seek(-footer.Length, SeekOrigin.End);
        file.ReadExactly(footer);
        return footer;
    }

    private static JsonDocument? Parsed(ReadOnlyMemory<byte> line)
    {
        try
        {
            return JsonDocument.Parse(line);
        }
        catch (JsonException)
        {
            return null; // half a line
        }
    }

    /// <summary>Whole lines of the log from one place to another, and where each begins.</summary>
    private IEnumerable<(ReadOnlyMemory<byte> Line, long Begin)> Lines(long begin, long end)
    {
        using var file = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        file.Position = begin;
        var buffer = new byte[1 << 20];
        var filled = 0;
        while (file.Position < end)
        {
            if (filled == buffer.Length)
            {
                Array.Resize(ref buffer, 2 * filled);
            }

            var read = file.Read(buffer, filled, (int)Math.Min(buffer.Length - filled, end - file.Position));
            if (read == 0)
            {
                yield break;
            }

            filled += read;
            var first = 0;
            for (int length; (length = Array.IndexOf(buffer, (byte)'\n', first, filled - first) - first) >= 0; first += length + 1)
            {
                yield return (buffer.AsMemory(first, length), begin);
                begin += length + 1;
            }

            filled -= first;
            Array.Copy(buffer, first, buffer, 0, filled);
        }
    }

    /// <summary>The full groups of the file.</summary>
    /// <param name="LinesBytes">Where in the log they end.</param>
    /// <param name="DataBytes">Where in the file they end.</param>
    /// <param name="Footer">What makes a whole file of them.</param>
    private sealed record Full(long LinesBytes, long DataBytes, byte[] Footer);
}
