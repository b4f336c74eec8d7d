using SelfSup.Checkpoints;
using SelfSup.Errors;

using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace SelfSup.Reports;

/// <summary>
/// Every setting of a recipe file by its path, <c>method.temperature</c>, as text, in the file's order. Nothing is bound, so that recipes
/// of newer versions and of methods from elsewhere are read too, and nothing is expanded: a file of a shared disk costs no more than
/// its length.
/// </summary>
internal static class RecipeSettings
{
    private const int LargestFile = 1 << 20;

    // A short file has long paths where a list is below a long key.
    private const int MostSettings = 10_000;
    private const int MostCharacters = 1 << 20;

    /// <summary>The settings of a run's <c>recipe.yaml</c>; none where it cannot be read or is no recipe.</summary>
    public static OrderedDictionary<string, string> Read(string path)
    {
        try
        {
            return Parse(new StreamReader(new MemoryStream(RegularFile.ReadAll(path, LargestFile))));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or YamlException or RecipeException)
        {
            return [];
        }
    }

    private static OrderedDictionary<string, string> Parse(TextReader text)
    {
        var settings = new OrderedDictionary<string, string>();
        var places = new Stack<Place>();
        var parser = new Parser(text);
        var characters = 0;
        while (parser.MoveNext())
        {
            switch (parser.Current)
            {
                case MappingStart or SequenceStart:
                    places.Push(new Place(Path(places), parser.Current is SequenceStart));
                    break;
                case MappingEnd or SequenceEnd:
                    places.Pop();
                    Next(places);
                    break;
                case Scalar key when places.TryPeek(out var map) && !map.IsList && map.Key is null:
                    map.Key = key.Value;
                    break;
                case Scalar value:
                    Add(value.Style == ScalarStyle.Plain && value.Value is "" or "~" or "null" ? null : value.Value);
                    break;
                case AnchorAlias alias:
                    Add($"*{alias.Value}");
                    break;
                default:
                    break;
            }
        }

        return settings;

        void Add(string? value)
        {
            if (places.Count > 0 && value is not null)
            {
                var path = Path(places);
                characters += path.Length + value.Length;
                settings[path] = settings.Count < MostSettings && characters < MostCharacters
                    ? value
                    : throw new RecipeException("has more settings than a recipe has");
            }

            Next(places);
        }
    }

    /// <summary>The path of the value that comes now.</summary>
    private static string Path(Stack<Place> places) => !places.TryPeek(out var place) ? ""
        : place.IsList ? $"{place.Path}[{place.Index}]"
        : place.Path.Length == 0 ? place.Key ?? ""
        : $"{place.Path}.{place.Key}";

    private static void Next(Stack<Place> places)
    {
        if (places.TryPeek(out var place))
        {
            place.Key = null;
            place.Index++;
        }
    }

    /// <summary>A map or list that is being read.</summary>
    private sealed class Place(string path, bool isList)
    {
        public string Path { get; } = path.Length > 1000 ? throw new RecipeException("is nested too deeply") : path;

        public bool IsList { get; } = isList;

        public int Index { get; set; }

        public string? Key { get; set; }
    }
}
