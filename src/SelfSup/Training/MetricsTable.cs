using System.Buffers.Binary;
using System.Text.Json;

using Parquet;
using Parquet.Schema;

using SelfSup.Checkpoints;

namespace SelfSup.Training;

/// <summary>
/// <c>metrics.parquet</c>: what <c>metrics.jsonl</c> holds, a row a step, columns of numbers, null where nothing was measured. It is made
/// on a thread of its own, of the lines so far, whenever these have become a tenth more, and once more at the end. What it costs grows with
/// the number of steps: groups of rows that are full are only copied, but for the first time in a process, when it is made of all lines.
/// The same lines give the same bytes.
/// </summary>
/// <param name="log"><c>metrics.jsonl</c>.</param>
/// <param name="path">The file.</param>
/// <param name="time">The clock.</param>
/// <param name="warn">Told when it cannot be written, and when it can be again. From any thread.</param>
internal sealed class MetricsTable(string log, string path, TimeProvider time, Action<string> warn) : IDisposable
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

    /// <summary>As many bytes of lines are made into rows at once where a run is being stopped.</summary>
    private const long QuickBytes = 4 << 20;

    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly List<string> _names = []; // of columns, as they appear
    private readonly MetricsRows _rows = new();
    private readonly byte[] _copied = new byte[1 << 20];
    private byte[] _lines = new byte[1 << 20];
    private Full? _full; // of the file that is there
    private Full? _next; // of the one that is being written
    private long _linesBytes = -1; // what the file is made of
    private long _bytes = -1; // how long it is
    private long? _failedAt;
    private Task _update = Task.CompletedTask;
    private volatile bool _ends;

    /// <summary>Has the file brought up to date beside what goes on, if enough has come to it. Waits for nothing.</summary>
    public void Request()
    {
        if (_update.IsCompleted && !(_failedAt is { } at && time.GetElapsedTime(at) < _pause))
        {
            _update = Task.Run(() => Update(always: false));
        }
    }

    /// <summary>Brings the file up to date at the end of a run.</summary>
    /// <param name="isDone">Whether all steps are done; a run that is stopped has no time for much.</param>
    /// <param name="beat">Called as it goes on.</param>
    public void Finish(bool isDone, Action beat)
    {
        _ends = !isDone;
        while (!_update.Wait(TimeSpan.FromSeconds(1)))
        {
            beat();
        }

        _ends = false;
        if (isDone || Length(log) - (_full?.LinesBytes ?? 0) <= QuickBytes)
        {
            Update(always: true, beat);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ends = true;
        _update.Wait();
    }

    /// <summary>Brings the file up to date; whatever is in the way of it is said, and harms nothing. From any thread.</summary>
    /// <param name="always">Whether also where little has come to it.</param>
    /// <param name="beat">Called as it goes on.</param>
    public void Update(bool always, Action? beat = null)
    {
        lock (_gate)
        {
            try
            {
                var bytes = Length(log);
                if (bytes == 0 || (bytes == _linesBytes && Length(path) == _bytes) || (!always && bytes - _linesBytes < _linesBytes / GrowthShare))
                {
                    return;
                }

                DurableFile.Write(path, file => Write(file, bytes, beat));
                (_linesBytes, _bytes, _full) = (bytes, Length(path), _next);
                if (_failedAt is not null)
                {
                    _failedAt = null;
                    warn($"{path}: can be written again; nothing is missing in it");
                }
            }
            catch (OperationCanceledException)
            {
                // The run ends, and the file stays as it was.
            }
            catch (Exception e)
            {
                // Also what nobody has thought of: a table is no reason to end a run.
                if (_failedAt is null)
                {
                    warn($"{path}: cannot be written ({e.Message}); training goes on, and it is made of metrics.jsonl when it can be");
                }

                _failedAt = time.GetTimestamp();
            }
        }
    }

    private static long Length(string file) => File.Exists(file) ? new FileInfo(file).Length : 0;

    private void Write(Stream file, long bytes, Action? beat)
    {
        _next = Length(path) == _bytes ? _full : null; // somebody else's file has no group of ours
        while (!TryWrite(file, bytes, beat))
        {
            _next = null; // a measure that was new after full groups: all is made again, with its column
            file.SetLength(0);
        }
    }

    /// <summary>Writes the file with the columns that are known.</summary>
    /// <returns>Whether no other was met.</returns>
    private bool TryWrite(Stream file, long bytes, Action? beat)
    {
        Copy(file);
        _rows.Clear();
        foreach (var (line, begin) in Lines(_next?.LinesBytes ?? 0, bytes))
        {
            if (MetricsRows.StepOf(line.Span) is not { } step)
            {
                continue;
            }

            if (_rows.Count == GroupRows && !_rows.GoesOn(step))
            {
                if (_ends)
                {
                    throw new OperationCanceledException();
                }

                beat?.Invoke();
                if (Learn() && _next is not null)
                {
                    return false;
                }

                Append(file);
                var footer = TailOf(file);
                _next = new Full(begin, file.Length - footer.Length, footer);
                _rows.Clear();
            }

            _rows.Add(step, line.Span);
        }

        if (Learn() && _next is not null)
        {
            return false;
        }

        if (_rows.Count > 0)
        {
            Append(file);
        }

        return true;
    }

    /// <summary>The full groups of the file that is there.</summary>
    private void Copy(Stream file)
    {
        if (_next is not { } full)
        {
            return;
        }

        using (var before = File.OpenRead(path))
        {
            for (var left = full.DataBytes; left > 0;)
            {
                var count = (int)Math.Min(left, _copied.Length);
                before.ReadExactly(_copied.AsSpan(0, count));
                file.Write(_copied.AsSpan(0, count));
                left -= count;
            }
        }

        file.Write(full.Footer);
    }

    /// <summary>Takes in names of columns.</summary>
    /// <returns>Whether there are new ones.</returns>
    private bool Learn()
    {
        var before = _names.Count;
        _names.AddRange(_rows.Names.Except(_names).ToArray());
        return _names.Count > before;
    }

    private void Append(Stream file) => AppendAsync(file).GetAwaiter().GetResult(); // the stream is synchronous

    private async Task AppendAsync(Stream file)
    {
        var step = new DataField("step", typeof(long), isNullable: false);
        DataField[] others = [.. _names.OrderBy(Place).Select(name => new DataField(name, typeof(double), isNullable: true))];
        file.Position = 0;
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema([step, .. others]), file, _options, append: file.Length > 0);
        writer.CustomMetadata = new Dictionary<string, string> { ["selfsup.units"] = _units };
        using var group = writer.CreateRowGroup();
        await group.WriteAllPartsAsync<long>(step, _rows.Steps, null, null, default);
        foreach (var field in others)
        {
            var column = _rows.Column(field.Name) ?? new MetricsColumn();
            await group.WriteAllPartsAsync<double>(field, column.Values, column.Levels(_rows.Count), null, default);
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

    /// <summary>Whole lines of the log from one place to another, and where each begins.</summary>
    private IEnumerable<(ReadOnlyMemory<byte> Line, long Begin)> Lines(long begin, long end)
    {
        using var file = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        file.Position = begin;
        var buffer = _lines;
        var filled = 0;
        while (file.Position < end)
        {
            if (filled == buffer.Length)
            {
                Array.Resize(ref buffer, 2 * filled);
                _lines = buffer;
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
