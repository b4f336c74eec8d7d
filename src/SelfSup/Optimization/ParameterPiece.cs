using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Optimization;

/// <summary>
/// A stretch of [P] that an optimizer updates at once. Updating piece by piece, with the few passes of the update rule
/// over one piece before the next, keeps the values in the processor's cache and temporaries at the size of a piece.
/// </summary>
/// <param name="Offset">Where it starts in [P].</param>
/// <param name="Length">How many values it has.</param>
/// <param name="Decays">Weight decay applies to it.</param>
/// <param name="Adapts">It is one whole parameter whose step is scaled by its norm (LARS, LAMB).</param>
/// <param name="Rate">What the learning rate is multiplied with.</param>
internal readonly record struct ParameterPiece(long Offset, long Length, bool Decays, bool Adapts, double Rate = 1)
{
    // Float32 values, gradients, state and scratch of one piece fit in a second-level cache of 1 MiB.
    private const long CachedLengthPerThread = 1 << 16;

    /// <summary>This piece of a flat tensor [P]: a view [Length].</summary>
    public Tensor Of(Tensor flat) => flat.narrow(0, Offset, Length);

    /// <summary>
    /// Divides [P] into pieces: a parameter that adapts is a piece of its own; of the others, neighbours that are
    /// treated alike are joined, and on a CPU cut where the cache ends. What does not learn is in none.
    /// </summary>
    public static IReadOnlyList<ParameterPiece> Divide(
        FlatParameters parameters,
        Func<ParameterSegment, bool> decays,
        Func<ParameterSegment, bool> adapts)
    {
        var longest = parameters.Values.device_type == DeviceType.CPU
            ? CachedLengthPerThread * get_num_threads()
            : long.MaxValue;
        return [.. Join(parameters, decays, adapts).SelectMany(p => p.Adapts ? [p] : p.Cut(longest))];
    }

    /// <summary>Joins all neighbours that decay and learn alike, for updates that are one pass in themselves.</summary>
    public static IReadOnlyList<ParameterPiece> Stretches(FlatParameters parameters, Func<ParameterSegment, bool> decays) =>
        Join(parameters, decays, adapts: _ => false);

    private static List<ParameterPiece> Join(
        FlatParameters parameters, Func<ParameterSegment, bool> decays, Func<ParameterSegment, bool> adapts)
    {
        var pieces = new List<ParameterPiece>();
        foreach (var segment in parameters.Segments.Where(s => s.Length > 0 && s.Rate > 0))
        {
            var piece = new ParameterPiece(segment.Offset, segment.Length, decays(segment), adapts(segment), segment.Rate);
            if (pieces is [.., var last] && last.Offset + last.Length == piece.Offset && !piece.Adapts && !last.Adapts
                && (piece.Decays, piece.Rate) == (last.Decays, last.Rate))
            {
                pieces[^1] = last with { Length = last.Length + piece.Length };
            }
            else
            {
                pieces.Add(piece);
            }
        }

        return pieces;
    }

    /// <summary>A buffer for one piece at a time, [longest piece], to be disposed by the optimizer.</summary>
    public static Tensor Scratch(IReadOnlyList<ParameterPiece> pieces, FlatParameters parameters) =>
        empty(pieces.Select(p => p.Length).DefaultIfEmpty().Max(), parameters.Values.dtype, parameters.Values.device).DetachFromDisposeScope();

    private IEnumerable<ParameterPiece> Cut(long longest)
    {
        for (var done = 0L; done < Length; done += Math.Min(longest, Length - done))
        {
            yield return this with { Offset = Offset + done, Length = Math.Min(longest, Length - done) };
        }
    }
}
