using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using SelfSup.Catalogs;
using SelfSup.Images;

using YamlDotNet.Serialization;

namespace SelfSup.Recipes;

/// <summary>Writes a recipe with every default filled in, and takes its fingerprint.</summary>
internal static class RecipeWriter
{
    /// <summary>The recipe as YAML; reading it gives the same recipe.</summary>
    public static string Yaml(Recipe recipe) =>
        new SerializerBuilder().WithQuotingNecessaryStrings().WithIndentedSequences().Build().Serialize(Tree(recipe));

    /// <summary>Steps of a view as JSON, with every setting: for programs that prepare images and read no recipes.</summary>
    public static string Json(IReadOnlyList<Choice> steps) => JsonSerializer.Serialize(Steps(steps, all: true));

    /// <summary>Every setting by its path, <c>method.temperature</c>, as text.</summary>
    /// <param name="recipe">A bound recipe.</param>
    /// <param name="all">Whether to include settings that do not change what is trained.</param>
    public static SortedDictionary<string, string> Settings(Recipe recipe, bool all = false)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Flatten(Tree(recipe, all), "", settings);
        return settings;
    }

    /// <summary>A hash of the settings that change what is trained: the same recipe has the same hash anywhere.</summary>
    public static string Hash(Recipe recipe) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\n', Settings(recipe).Select(s => $"{s.Key}={s.Value}")))));

    /// <summary>Settings that do not change what is trained, those that earlier versions thought to do so included.</summary>
    public static HashSet<string> Ignored(Recipe recipe) => [.. Settings(recipe, all: true).Keys.Except(Settings(recipe).Keys), .. FormerSettings.OfFingerprints];

    private static OrderedDictionary<string, object?> Tree(object options, bool all = true)
    {
        var tree = new OrderedDictionary<string, object?>();
        foreach (var property in RecipeBinder.Settings(options.GetType()))
        {
            if ((all || property.GetCustomAttribute<DoesNotChangeTrainingAttribute>() is null)
                && property.GetValue(options) is { } value)
            {
                tree.Add(RecipeBinder.Key(property), Value(value, all));
            }
        }

        return tree;
    }

    private static object Value(object value, bool all) => value switch
    {
        string or bool or int or long or ulong or double => value,
        Enum => RecipeBinder.Camel(value.ToString()!),
        Choice choice => Named(choice, all),
        ViewSettings { Counts: { } counts } groups => groups.Lists.Zip(counts).Select(group => new OrderedDictionary<string, object>
        {
            ["count"] = group.Second,
            ["augmentations"] = Steps(group.First, all),
        }).ToList(),
        ViewSettings { Lists: [var only] } => Steps(only, all),
        ViewSettings views => views.Lists.Select(list => Steps(list, all)).ToList(),
        IReadOnlyList<Choice> steps => Steps(steps, all),
        IEnumerable list => list.Cast<object>().Select(item => Value(item, all)).ToList(),
        _ => Tree(value, all),
    };

    private static OrderedDictionary<string, object?> Named(Choice choice, bool all)
    {
        var tree = Tree(choice.Options, all);
        tree.Insert(0, "name", choice.Name);
        return tree;
    }

    private static List<object> Steps(IReadOnlyList<Choice> steps, bool all) =>
        [.. steps.Select(step => new Dictionary<string, object> { [step.Name] = Tree(step.Options, all) })];

    private static void Flatten(object? value, string path, SortedDictionary<string, string> settings)
    {
        switch (value)
        {
            case IDictionary map:
                foreach (DictionaryEntry entry in map)
                {
                    Flatten(entry.Value, path.Length == 0 ? (string)entry.Key : $"{path}.{entry.Key}", settings);
                }

                break;
            case IEnumerable list and not string:
                var i = 0;
                foreach (var item in list)
                {
                    Flatten(item, $"{path}[{i++}]", settings);
                }

                break;
            case bool flag:
                settings.Add(path, flag ? "true" : "false");
                break;
            default:
                settings.Add(path, Convert.ToString(value, CultureInfo.InvariantCulture)!);
                break;
        }
    }
}
