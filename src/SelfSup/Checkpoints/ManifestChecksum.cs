using System.IO.Hashing;
using System.Text;

namespace SelfSup.Checkpoints;

/// <summary>The checksum that a manifest states of itself: of its bytes, with zeros where the checksum stands.</summary>
internal static class ManifestChecksum
{
    /// <summary>What stands in its place while it is computed.</summary>
    public static string None { get; } = new('0', Digits);

    private const int Digits = 32;

    private static ReadOnlySpan<byte> Key => "\"checksum\": \""u8;

    /// <summary>Puts the checksum into its place.</summary>
    public static void Fill(byte[] manifest)
    {
        var place = Place(manifest) ?? throw new ArgumentException("there is no place for a checksum", nameof(manifest));
        Encoding.ASCII.GetBytes(Of(manifest)).CopyTo(manifest, place);
    }

    /// <summary>Whether the bytes are those it was computed of; null where no checksum is stated.</summary>
    public static bool? Holds(byte[] manifest)
    {
        if (Place(manifest) is not { } place)
        {
            return null;
        }

        var stated = Encoding.ASCII.GetString(manifest, place, Digits);
        byte[] blank = [.. manifest];
        blank.AsSpan(place, Digits).Fill((byte)'0');
        return stated == Of(blank);
    }

    private static string Of(byte[] bytes) => Convert.ToHexStringLower(XxHash128.Hash(bytes));

    private static int? Place(byte[] manifest)
    {
        var key = manifest.AsSpan().LastIndexOf(Key);
        return key >= 0 && key + Key.Length + Digits <= manifest.Length ? key + Key.Length : null;
    }
}
