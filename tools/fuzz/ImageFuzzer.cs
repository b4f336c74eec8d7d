using System.Diagnostics;
using System.Runtime.InteropServices;

using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Tools.Fuzz;

/// <summary>
/// Sends damaged images the whole way that a view takes, with one decoder and one canvas for all of them, as a worker of
/// the loader does. What may come out is a view or a <see cref="DataException"/> with one line that begins with the
/// name; and the next good image must be what it always was.
/// </summary>
/// <param name="files">The undamaged files; parts of one get into others.</param>
/// <param name="good">An undamaged file that is decoded between the cases.</param>
internal sealed unsafe class ImageFuzzer(IReadOnlyList<byte[]> files, byte[] good) : IFuzzer
{
    /// <summary>Larger images are refused, so that a case is short.</summary>
    public const long MostPixels = 16_000_000;

    /// <summary>How often the good file is decoded.</summary>
    private const int CasesBetweenChecks = 50;

    private const string Name = "folder/it.jpg";
    private const int Side = 48;

    private readonly ImageDecoder _decoder = new(MostPixels);
    private readonly FileMutator _mutator = new();
    private readonly StoredImage _stored = new();
    private readonly PixelImage _pixels = new();
    private readonly DecodedImage _image = new();
    private readonly ViewCanvas _canvas = new();
    private readonly ViewPlan[] _plans = [new(), new(), new()];
    private readonly float[] _target = new float[3 * Side * Side];

    // The first only crops, so its values are those of pixels.
    private readonly ViewPipeline[] _pipelines =
    [
        new(new RandomResizedCrop(new() { Size = Side, Scale = [0.01, 1] })),
        new(
            new RandomResizedCrop(new() { Size = Side, Scale = [0.08, 1] }),
            new HorizontalFlip(new() { Probability = 0.5 }),
            new ColorJitter(new() { Probability = 0.8, Brightness = 0.8, Contrast = 0.8, Saturation = 0.8, Hue = 0.2 }),
            new RandomGrayscale(new() { Probability = 0.2 }),
            new GaussianBlur(new() { Probability = 0.5, Kernel = 5, Sigma = [0.1, 2.0] }),
            new Normalize(new() { Mean = [0.5, 0.5, 0.5], StandardDeviation = [0.25, 0.25, 0.25] })),
        new(
            new Resize(new() { Size = 64, Interpolation = Interpolation.Bicubic }),
            new RandomCrop(new() { Size = Side, Padding = 4 }),
            new VerticalFlip(new())),
    ];

    private ulong _expected;
    private int _cases;

    /// <summary>Damages a file and decodes it.</summary>
    /// <param name="file">Which file.</param>
    /// <param name="seed">Chooses the damage, the views and the scale.</param>
    public FuzzOutcome Run(int file, long seed)
    {
        var random = new CounterRandom(0x07E2, RandomPurpose.Selection, sample: seed);
        var other = files[random.NextInt(files.Count)];
        return Run(_mutator.Mutate(files[file], other, seed), seed);
    }

    /// <summary>Decodes a file that may be damaged.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="seed">Chooses the views and the scale.</param>
    public FuzzOutcome Run(ReadOnlySpan<byte> bytes, long seed)
    {
        _stored.Take(bytes);
        var random = new CounterRandom(0x5CA1, RandomPurpose.Selection, sample: seed);
        var scale = 1 << random.NextInt(4);
        string? failure = null;
        DecodedBy? by = null;
        var start = Stopwatch.GetTimestamp();
        try
        {
            failure = Try(() => by = MakeViews(seed, scale)) ?? Try(() => by = _decoder.Decode(_stored, _pixels, Name));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            failure = e.ToString();
        }

        var milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        if (_cases++ % CasesBetweenChecks == 0)
        {
            failure ??= CheckGood();
        }

        return new FuzzOutcome(by?.ToString(), milliseconds, failure);
    }

    private static string? Try(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (DataException e)
        {
            return e.Message.StartsWith(Name + ": ", StringComparison.Ordinal) && !e.Message.Contains('\n')
                ? null
                : $"a message that is not one line about the file: {e.Message}";
        }
    }

    private DecodedBy MakeViews(long seed, int scale)
    {
        _decoder.Open(_stored, _image, Name);
        for (var i = 0; i < _plans.Length; i++)
        {
            _pipelines[i].Plan(_plans[i], _image, (ulong)seed, epoch: 0, sample: 0, view: i);
        }

        var shown = _plans.Select(plan => plan.Placement.Source).Aggregate((a, b) => a.Union(b));
        _decoder.Decode(_stored, shown, scale, _image);
        for (var i = _plans.Length - 1; i >= 0; i--)
        {
            fixed (float* target = _target)
            {
                _pipelines[i].Make(_canvas, _image, _plans[i], new ViewTarget(target, Side * Side, default));
            }
        }

        foreach (var value in _target)
        {
            if (!(value is > -0.001f and < 1.001f))
            {
                throw new InvalidOperationException($"a value of {value} in a view that is only a crop");
            }
        }

        return _image.By;
    }

    private string? CheckGood()
    {
        _stored.Take(good);
        _ = _decoder.Decode(_stored, _pixels, Name);
        var hash = Hash(_pixels.Pixels, 0);
        _ = MakeViews(seed: 1, scale: 1);
        hash = Hash(MemoryMarshal.AsBytes(_target.AsSpan()), hash);
        if (_expected == 0)
        {
            _expected = hash;
        }

        return hash == _expected ? null : "a good image after it has other pixels";
    }

    private static ulong Hash(ReadOnlySpan<byte> bytes, ulong hash)
    {
        foreach (var value in bytes)
        {
            hash = (hash ^ value) * 0x100000001B3; // FNV-1a
        }

        return hash;
    }
}
