namespace SelfSup.Reports;

/// <summary>
/// A series of values by step in bounded memory, of however many it is. While they are few it has each of them; then steps are put
/// into buckets of equal width, which doubles whenever there are too many, and a bucket keeps its first, smallest, largest and last
/// value: what a line through all values looks like where a bucket is a column of pixels (M4: Jugel et al. 2014,
/// https://doi.org/10.14778/2732951.2732953). Merging two buckets gives what their values together would have given, so nothing
/// depends on how often it was done, and no extreme is ever lost. A value that is no number is a gap.
/// </summary>
/// <param name="points">How many points it has at most, at least 8.</param>
internal sealed class Curve(int points)
{
    private readonly List<Bucket> _buckets = [];
    private int _points;

    /// <summary>Steps of a bucket; 1 while every value is kept.</summary>
    public long Width { get; private set; } = 1;

    /// <summary>How many values there were, those that are no number included.</summary>
    public long Count { get; private set; }

    /// <summary>The last value; null where it is no number, or there is none.</summary>
    public double? Last { get; private set; }

    /// <summary>The step of the last value.</summary>
    public long LastStep { get; private set; } = -1;

    /// <summary>About how much memory it takes.</summary>
    public long Bytes => 96 + (_buckets.Capacity * (long)System.Runtime.CompilerServices.Unsafe.SizeOf<Bucket>());

    /// <summary>Adds a value. One of an earlier step than the last has no place in a file of a run, and is left out.</summary>
    public void Add(long step, double value)
    {
        if (step < Math.Max(0, LastStep))
        {
            return;
        }

        var isNumber = double.IsFinite(value);
        Count++;
        (Last, LastStep) = (isNumber ? value : null, step);
        var bucket = isNumber ? Bucket.Of(step, value) : Bucket.Gap(step);
        if (_buckets.Count > 0 && _buckets[^1].Step / Width == step / Width)
        {
            _points -= _buckets[^1].Points;
            _buckets[^1] = _buckets[^1].With(bucket);
            _points += _buckets[^1].Points;
        }
        else
        {
            _buckets.Add(bucket);
            _points++;
        }

        while (_points > points)
        {
            Widen();
        }
    }

    /// <summary>The points to draw, by step; null is a gap.</summary>
    public IReadOnlyList<CurvePoint> Points()
    {
        var all = new List<CurvePoint>(_points);
        Span<CurvePoint> own = stackalloc CurvePoint[Bucket.Most];
        foreach (var bucket in _buckets)
        {
            all.AddRange(own[..bucket.WriteTo(own)]);
        }

        return all;
    }

    /// <summary>The same in fewer points.</summary>
    public IReadOnlyList<CurvePoint> Points(int most)
    {
        if (most >= _points)
        {
            return Points();
        }

        var fewer = new Curve(most);
        foreach (var point in Points())
        {
            fewer.Add(point.Step, point.Value ?? double.NaN);
        }

        return fewer.Points();
    }

    private void Widen()
    {
        Width *= 2;
        var kept = 0;
        for (var i = 0; i < _buckets.Count; i++)
        {
            var bucket = _buckets[i];
            if (kept > 0 && _buckets[kept - 1].Step / Width == bucket.Step / Width)
            {
                _buckets[kept - 1] = _buckets[kept - 1].With(bucket);
            }
            else
            {
                _buckets[kept++] = bucket;
            }
        }

        _buckets.RemoveRange(kept, _buckets.Count - kept);
        _buckets.TrimExcess();
        _points = _buckets.Sum(bucket => bucket.Points);
    }

    /// <summary>What is kept of the values of some steps. A step is -1 where there is no such value.</summary>
    private readonly record struct Bucket(
        long Step, long FirstStep, double First, long LowStep, double Low, long HighStep, double High, long LastStep, double Last, long GapStep)
    {
        public static Bucket Of(long step, double value) => new(step, step, value, step, value, step, value, step, value, -1);

        public static Bucket Gap(long step) => new(step, -1, 0, -1, 0, -1, 0, -1, 0, step);

        /// <summary>With those of later steps.</summary>
        public Bucket With(Bucket later)
        {
            var gap = GapStep >= 0 ? GapStep : later.GapStep;
            if (later.FirstStep < 0)
            {
                return this with { GapStep = gap };
            }

            return FirstStep < 0
                ? later with { Step = Step, GapStep = gap }
                : new Bucket(
                    Step, FirstStep, First,
                    later.Low < Low ? later.LowStep : LowStep, Math.Min(Low, later.Low),
                    later.High > High ? later.HighStep : HighStep, Math.Max(High, later.High),
                    later.LastStep, later.Last, gap);
        }

        /// <summary>Points it has at most: the four, and the gap.</summary>
        public const int Most = 5;

        /// <summary>How many points it has.</summary>
        public int Points
        {
            get
            {
                Span<CurvePoint> own = stackalloc CurvePoint[Most];
                return WriteTo(own);
            }
        }

        /// <summary>Writes its points by step, each step once.</summary>
        public int WriteTo(Span<CurvePoint> points)
        {
            points[0] = new CurvePoint(FirstStep, First);
            points[1] = new CurvePoint(LowStep, Low);
            points[2] = new CurvePoint(HighStep, High);
            points[3] = new CurvePoint(LastStep, Last);
            points[4] = new CurvePoint(GapStep, null);
            points[..Most].Sort((one, other) => one.Step.CompareTo(other.Step));
            var (kept, before) = (0, -1L);
            for (var i = 0; i < Most; i++)
            {
                if (points[i].Step > before)
                {
                    before = points[i].Step;
                    points[kept++] = points[i];
                }
            }

            return kept;
        }
    }
}

/// <param name="Step">Where it is.</param>
/// <param name="Value">The value; null is a gap.</param>
internal readonly record struct CurvePoint(long Step, double? Value);
