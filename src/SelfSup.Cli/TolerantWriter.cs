using System.Text;

namespace SelfSup.Cli;

/// <summary>
/// Writes what can be written: a terminal that is gone, or a log on a full disk, must not end a training that could go on.
/// </summary>
internal sealed class TolerantWriter(TextWriter inner) : TextWriter
{
    /// <inheritdoc/>
    public override Encoding Encoding => inner.Encoding;

    /// <summary>Lets the program's output and errors be written so from now on.</summary>
    public static void Use()
    {
        Console.SetOut(new TolerantWriter(Console.Out));
        Console.SetError(new TolerantWriter(Console.Error));
    }

    /// <inheritdoc/>
    public override void Write(char value) => Try(() => inner.Write(value));

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    /// <inheritdoc/>
    public override void Write(string? value) => Try(() => inner.Write(value));

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    /// <inheritdoc/>
    public override void Flush() => Try(inner.Flush);

    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (IOException)
        {
            // history.jsonl and metrics.jsonl have what matters.
        }
    }
}
