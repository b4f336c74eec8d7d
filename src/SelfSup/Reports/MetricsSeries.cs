using System.Buffers;
using System.IO.Hashing;
using System.Text.Json;

using SelfSup.Checkpoints;

namespace SelfSup.Reports;

/// <summary>
/// The curves of a run's <c>metrics.jsonl</c> by name: <c>loss</c>, <c>learningRate</c>, <c>embeddings.alignment</c>,
/// <c>evaluation.knn</c>, whatever numbers its lines have. The file is read as a stream, and read on where it has grown; another
/// process or machine may be writing it, so that half a line waits and a line that is none is left out. Memory is bounded by the number
/// of points, not by the file.
/// </summary>
/// <param name="path">The file; one that is not there yet has no curves.</param>
/// <param name="points">How many points a curve has at most.</param>
/// <param name="from">Where to read on: curves have what is behind it.</param>
internal sealed class MetricsSeries(string path, int points = MetricsSeries.DefaultPoints, MetricsPosition from = default)
{
    /// <summary>Enough for the columns of a wide screen, and every step of a short run.</summary>
    public const int DefaultPoints = 4000;

    // Of a file that is no run's: all its curves take 33 MB.
    private const int MostCurves = 100;
    private const int MostDepth = 4;
    private const int LongestName = 200;
    private const int LongestLine = 1 << 20;

    private readonly Dictionary<string, Curve> _curves = [];
    private readonly List<(Curve Curve, double Value)> _line = [];
    private readonly List<string> _new = []; // curves that the line has made

    /// <summary>The curves by name, in the order of their first values.</summary>
    public IReadOnlyDictionary<string, Curve> Curves => _curves;

    /// <summary>Up to where the file was read.</summary>
    public MetricsPosition Position { get; private set; } = from;

    /// <summary>
    /// Whether the file was read from its beginning because what it was read up to is no longer in it: what was known of it before no
    /// longer holds.
    /// </summary>
    public bool IsAnew { get; private set; }

    /// <summary>About how much memory the curves take.</summary>
    public long Bytes => _curves.Sum(curve => curve.Value.Bytes + (2 * curve.Key.Length) + 64);

    /// <summary>Reads a file's curves.</summary>
    public static MetricsSeries Read(string path, int points = DefaultPoints)
    {
        var series = new MetricsSeries(path, points);
        series.ReadOn();
        return series;
    }

    /// <summary>Whether a file still has what is before a place, and no more than so many bytes behind it.</summary>
    public static bool CanReadOn(string path, MetricsPosition place, long most)
    {
        try
        {
            using var file = RegularFile.Open(path);
            return file.Length - place.Offset <= most && Holds(file, place);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Reads what has come since the last time; from the beginning where the file is no longer the one it was.</summary>
    public void ReadOn()
    {
        try
        {
            // Nobody is kept from writing, and it is opened anew each time: network file systems look for changes then.
            using var file = RegularFile.Open(path);
            if (Position.Offset > 0 && !Holds(file, Position))
            {
                Forget();
            }

            ReadLines(file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            if (Position.Offset > 0)
            {
                Forget();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A disk that does not answer now; what is known stays.
        }
    }

    private static bool Holds(FileStream file, MetricsPosition position) =>
        file.Length >= position.Offset && CheckAt(file, position.Offset) == position.Check;

    private static ulong CheckAt(FileStream file, long offset)
    {
        Span<byte> before = stackalloc byte[(int)Math.Min(offset, MetricsPosition.Checked)];
        file.Position = offset - before.Length;
        return file.ReadAtLeast(before, before.Length, throwOnEndOfStream: false) == before.Length ? XxHash64.HashToUInt64(before) : 0;
    }

    private void Forget()
    {
        _curves.Clear();
        (Position, IsAnew) = (MetricsPosition.Start, true);
    }

    private void ReadLines(FileStream file)
    {
        var length = file.Length; // what is written meanwhile comes next time
        var start = Position.Offset;
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 17);
        try
        {
            file.Position = start;
            var (held, end, isTooLong) = (0, start, false);
            while (file.Position < length)
            {
                if (held == buffer.Length)
                {
                    (buffer, held, isTooLong) = MakeRoom(buffer, held, isTooLong);
                }

                var read = file.Read(buffer.AsSpan(held, (int)Math.Min(buffer.Length - held, length - file.Position)));
                if (read == 0)
                {
                    break;
                }

                held += read;
                var done = 0;
                while (buffer.AsSpan(done, held - done).IndexOf((byte)'\n') is var at and >= 0)
                {
                    if (!isTooLong)
                    {
                        Take(buffer.AsSpan(done, at));
                    }

                    isTooLong = false;
                    done += at + 1;
                    end = file.Position - held + done;
                }

                buffer.AsSpan(done, held - done).CopyTo(buffer);
                held -= done;
            }

            if (end > start)
            {
                Position = new MetricsPosition(end, CheckAt(file, end));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>A larger buffer; of a line that is too long to be one what was read of it is given up.</summary>
    private static (byte[] Buffer, int Held, bool IsTooLong) MakeRoom(byte[] buffer, int held, bool isTooLong)
    {
        if (isTooLong || held >= LongestLine)
        {
            return (buffer, 0, true);
        }

        var larger = ArrayPool<byte>.Shared.Rent(2 * buffer.Length);
        buffer.AsSpan(0, held).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return (larger, held, false);
    }

    private void Take(ReadOnlySpan<byte> line)
    {
        _line.Clear();
        try
        {
            var reader = new Utf8JsonReader(line);
            if (Parse(ref reader) is not { } step)
            {
                return;
            }

            foreach (var (curve, value) in _line)
            {
                curve.Add(step, value);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            // A line that a killed process wrote half, or that is damaged.
        }
        finally
        {
            foreach (var name in _new.Where(name => _curves[name].Count == 0))
            {
                _curves.Remove(name);
            }

            _new.Clear();
        }
    }

    /// <summary>Takes a line's numbers; they count only when all of it has turned out to be JSON, with a step.</summary>
    private long? Parse(ref Utf8JsonReader reader)
    {
        Span<char> name = stackalloc char[LongestName];
        Span<int> ends = stackalloc int[MostDepth + 2];
        long? step = null;
        var (depth, length) = (0, 0);
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject when depth <= MostDepth:
                    ends[depth++] = length;
                    break;
                case JsonTokenType.EndObject:
                    length = --depth > 0 ? ends[depth - 1] : 0;
                    break;
                case JsonTokenType.PropertyName:
                    length = ends[depth - 1];
                    if (reader.ValueSpan.Length + length + 1 > name.Length)
                    {
                        reader.Skip();
                        continue;
                    }

                    if (length > 0)
                    {
                        name[length++] = '.';
                    }

                    length += reader.CopyString(name[length..]);
                    break;
                case JsonTokenType.Number when depth == 1 && name[..length] is "step":
                    step = reader.GetInt64();
                    break;
                case JsonTokenType.Number when depth == 1 && name[..length] is "epoch":
                    break;
                case JsonTokenType.Number when depth > 0:
                    Take(name[..length], reader.GetDouble());
                    break;
                case JsonTokenType.String when depth > 0 && IsNoNumber(ref reader):
                    Take(name[..length], double.NaN);
                    break;
                case JsonTokenType.StartArray or JsonTokenType.StartObject:
                    reader.Skip();
                    break;
                default:
                    break;
            }
        }

        return step;
    }

    private static bool IsNoNumber(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("NaN") || reader.ValueTextEquals("Infinity") || reader.ValueTextEquals("-Infinity");

    private void Take(ReadOnlySpan<char> name, double value)
    {
        var curves = _curves.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!curves.TryGetValue(name, out var curve))
        {
            if (_curves.Count == MostCurves)
            {
                return;
            }

            curve = new Curve(points);
            _new.Add(name.ToString());
            _curves.Add(_new[^1], curve);
        }

        _line.Add((curve, value));
    }
}
