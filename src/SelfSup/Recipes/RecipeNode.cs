using System.Globalization;

using SelfSup.Errors;

using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace SelfSup.Recipes;

/// <summary>A value of a recipe before it has a type, with the place it comes from for messages.</summary>
internal sealed class RecipeNode
{
    private RecipeNode(string origin) => Origin = origin;

    /// <summary><c>recipes/x.yaml(14)</c>, <c>--set</c>, or an environment variable's name.</summary>
    public string Origin { get; }

    /// <summary>The folder that relative paths start from: the recipe's own, or the current one for --set.</summary>
    public string Folder { get; private init; } = "";

    /// <summary>The text of a scalar; null for a map, a list or an empty value.</summary>
    public string? Scalar { get; private init; }

    /// <summary>The members of a map, in order.</summary>
    public OrderedDictionary<string, RecipeNode>? Members { get; private init; }

    /// <summary>The items of a list.</summary>
    public List<RecipeNode>? Items { get; private init; }

    /// <summary>Whether keys below ignore case: environment variables are written in capitals.</summary>
    public bool IgnoresCase { get; private init; }

    /// <summary>Whether there is nothing: <c>key:</c> or <c>--set key=</c> without a value.</summary>
    public bool IsEmpty => Members is null && Items is null && Scalar is null;

    /// <summary>Reads a recipe file.</summary>
    /// <exception cref="RecipeException">It cannot be read or is not a YAML map.</exception>
    public static RecipeNode FromFile(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException(
                File.Exists(path) || Directory.Exists(path)
                    ? $"{path}: cannot be read as a recipe ({(Directory.Exists(path) ? "it is a folder" : e.Message)}); name a YAML file"
                    : $"{path}: there is no such recipe; name a YAML file, for example recipes/quickstart.yaml");
        }

        return Root(text, path, Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Reads a recipe that is text; relative paths start from the current folder.</summary>
    /// <exception cref="RecipeException">It is not a YAML map.</exception>
    public static RecipeNode FromText(string text, string origin) => Root(text, origin, Directory.GetCurrentDirectory());

    /// <summary>A map without members, for options that come from elsewhere.</summary>
    public static RecipeNode Empty(string origin) => new(origin) { Members = [] };

    /// <summary>Puts <c>section.key=value</c> into the tree; the value is read as YAML.</summary>
    public void Set(string assignment)
    {
        if (assignment.Split('=', 2) is not [{ Length: > 0 } path, var value])
        {
            throw new RecipeException($"--set {assignment}: must be section.key=value, for example training.epochs=5");
        }

        Put(path.Split('.'), FromText(value, "--set", Directory.GetCurrentDirectory()), ignoreCase: false, $"--set {path}");
    }

    /// <summary>Puts the value of an environment variable <c>SELFSUP__SECTION__KEY</c> into the tree.</summary>
    public void SetFromEnvironment(string variable, string value)
    {
        var node = FromText(value, $"environment variable {variable}", Directory.GetCurrentDirectory(), ignoresCase: true);
        Put(variable.Split("__")[1..], node, ignoreCase: true, $"environment variable {variable}");
    }

    /// <summary>Gives a setting of a section another name, and its value another text; one of the new name stays.</summary>
    public void Rename(string section, string former, string name, Func<string?, string> translate)
    {
        if (Members?.GetValueOrDefault(section)?.Members is { } members && members.Remove(former, out var value) && !members.ContainsKey(name))
        {
            members.Add(name, new RecipeNode(value.Origin) { Scalar = translate(value.Scalar), Folder = value.Folder, IgnoresCase = value.IgnoresCase });
        }
    }

    private static RecipeNode Root(string text, string file, string folder)
    {
        var root = FromText(text, file, folder);
        return root.Members is not null
            ? root
            : throw new RecipeException($"{file}: must be a map of sections (run, data, views, ...), is something else");
    }

    private static RecipeNode FromText(string text, string file, string folder, bool ignoresCase = false)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            return stream.Documents is [var document]
                ? Convert(document.RootNode, file, folder, ignoresCase)
                : new RecipeNode(file) { Folder = folder };
        }
        catch (YamlException e)
        {
            // YamlDotNet wraps the reason ("Duplicate key ...") in an outer exception that only repeats the place.
            var reason = (e.InnerException ?? e).Message.ReplaceLineEndings(" ");
            throw new RecipeException($"{file}({e.Start.Line}): not well-formed YAML: {reason}");
        }
    }

    private static RecipeNode Convert(YamlNode yaml, string file, string folder, bool ignoresCase)
    {
        var origin = file.StartsWith("--set", StringComparison.Ordinal) || ignoresCase
            ? file
            : $"{file}({yaml.Start.Line.ToString(CultureInfo.InvariantCulture)})";
        switch (yaml)
        {
            case YamlMappingNode map:
                var members = new OrderedDictionary<string, RecipeNode>();
                foreach (var (key, value) in map.Children)
                {
                    var name = key is YamlScalarNode { Value: { } text }
                        ? text
                        : throw new RecipeException($"{origin}: a key must be a name, is {key}");
                    members.Add(name, Convert(value, file, folder, ignoresCase));
                }

                return new RecipeNode(origin) { Members = members, Folder = folder, IgnoresCase = ignoresCase };
            case YamlSequenceNode list:
                return new RecipeNode(origin)
                {
                    Items = [.. list.Children.Select(item => Convert(item, file, folder, ignoresCase))],
                    Folder = folder,
                    IgnoresCase = ignoresCase,
                };
            default:
                var scalar = (YamlScalarNode)yaml;
                var isNull = scalar.Style == ScalarStyle.Plain && scalar.Value is "" or "~" or "null";
                return new RecipeNode(origin)
                {
                    Scalar = isNull ? null : scalar.Value,
                    Folder = folder,
                    IgnoresCase = ignoresCase,
                };
        }
    }

    private void Put(string[] path, RecipeNode value, bool ignoreCase, string where)
    {
        if (Items is not null)
        {
            if (!int.TryParse(path[0], NumberStyles.None, CultureInfo.InvariantCulture, out var index) || index >= Items.Count)
            {
                throw new RecipeException(
                    $"{where}: '{path[0]}' must be a position from 0 to {Items.Count - 1} of the list there");
            }

            if (path.Length == 1)
            {
                Items[index] = value;
            }
            else
            {
                Items[index].Put(path[1..], value, ignoreCase, where);
            }

            return;
        }

        if (Members is null)
        {
            throw new RecipeException($"{where}: '{path[0]}' cannot be set, because what is above it is a single value");
        }

        var comparison = ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        var key = Members.Keys.FirstOrDefault(k => string.Equals(k, path[0], comparison)) ?? path[0];
        if (path.Length == 1)
        {
            Members[key] = value;
            return;
        }

        if (!Members.TryGetValue(key, out var member) || member.IsEmpty)
        {
            member = new RecipeNode(value.Origin) { Members = [], Folder = value.Folder, IgnoresCase = ignoreCase };
            Members[key] = member;
        }

        member.Put(path[1..], value, ignoreCase, where);
    }
}
