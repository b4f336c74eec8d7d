namespace SelfSup.Catalogs;

/// <summary>What somebody may have meant who wrote a name that there is not.</summary>
internal static class NearestName
{
    /// <summary>A question that names the known name which is most like another one; empty where none is.</summary>
    /// <param name="name">What was written.</param>
    /// <param name="known">What there is.</param>
    /// <param name="prefix">Stands before the known name.</param>
    public static string Question(string name, IEnumerable<string> known, string prefix = "")
    {
        var (nearest, distance) = known.Select(k => (k, Distance(name, k))).DefaultIfEmpty(("", int.MaxValue)).MinBy(k => k.Item2);
        return distance <= Math.Max(2, name.Length / 2) ? $"; did you mean {prefix}{nearest}?" : "";
    }

    /// <summary>Levenshtein's distance, ignoring case.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitution = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, 1 + Math.Min(row[j], row[j - 1]));
            }
        }

        return row[^1];
    }
}
