namespace SelfSup.Tests.Support;

/// <summary>What a kill in the middle of everything leaves in the work folder of a pack.</summary>
internal static class HalfWritten
{
    public static void Leave(string folder)
    {
        var shards = Directory.EnumerateFiles(folder, "shard-*").Order().ToArray();
        using (var last = new FileStream(shards[^1], FileMode.Open))
        {
            // The next row group, written over the footer and not to its end.
            last.Position = last.Length - 100;
            last.Write(new byte[5000]);
        }

        File.WriteAllText(Path.Combine(folder, $"shard-{shards.Length:D5}.parquet"), "the next shard");
        File.WriteAllText(Path.Combine(folder, "journal.json.tmp"), "{");
    }
}
