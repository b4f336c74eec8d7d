using SelfSup.Checkpoints;

namespace SelfSup.Datasets;

/// <summary>A Parquet file that grows, after one of its row groups.</summary>
/// <param name="Rows">Rows so far.</param>
/// <param name="DataBytes">Where the footer begins, which the next row group will overwrite.</param>
/// <param name="Footer">The footer, to the end of the file.</param>
internal sealed record ShardState(int Rows, long DataBytes, byte[] Footer)
{
    /// <summary>Brings a file back to a state it had, whatever a process that was killed left behind it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="state">The state; null for a file that had not begun.</param>
    /// <returns>Whether the file holds everything it held then.</returns>
    public static bool Restore(string path, ShardState? state)
    {
        if (state is null)
        {
            File.Delete(path);
            return true;
        }

        if (!File.Exists(path))
        {
            return false;
        }

        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
        if (file.Length < state.DataBytes)
        {
            return false;
        }

        file.Position = state.DataBytes;
        file.Write(state.Footer);
        file.SetLength(file.Position);
        DurableFile.Flush(file);
        return true;
    }
}
