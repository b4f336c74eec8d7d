namespace SelfSup.Tensors;

/// <summary>Text of a file that nobody has checked, as an error shows it: one line, and not a long one.</summary>
internal static class ShownText
{
    private const int Longest = 120;

    /// <summary>The text, cut off, with question marks for what is not printed.</summary>
    public static string Of(string text) =>
        string.Concat(text.Take(Longest).Select(c => char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029' ? '?' : c))
        + (text.Length > Longest ? " ..." : "");
}
