using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

using SelfSup.Catalogs;
using SelfSup.Errors;

namespace SelfSup.Recipes;

/// <summary>
/// Turns a tree of untyped values into options: strict (an unknown key is an error that names the nearest known one),
/// complete (every violation is collected, none thrown), and with the place of each value in every message.
/// </summary>
internal sealed class RecipeBinder(CatalogSet catalogs)
{
    private readonly List<string> _violations = [];

    /// <summary>What was wrong, one line each, in the order of the recipe.</summary>
    public IReadOnlyList<string> Violations => _violations;

    /// <summary>Adds a violation of a rule that concerns several settings.</summary>
    public void Violate(RecipeNode node, string path, string problem) => _violations.Add($"{node.Origin}: {path}: {problem}");

    /// <summary>Checks options that do not come from a recipe, such as those of a verb.</summary>
    /// <param name="options">An options class.</param>
    /// <param name="where">Where they come from, for messages.</param>
    /// <exception cref="RecipeException">A rule is broken; the message has a line for each.</exception>
    public static void Require(object options, string where)
    {
        var binder = new RecipeBinder(new CatalogSet());
        binder.Validate(options, Settings(options.GetType()), RecipeNode.Empty(where), "");
        if (binder.Violations.Count > 0)
        {
            throw new RecipeException(binder.Violations);
        }
    }

    /// <summary>Binds a map to an options class and validates it.</summary>
    public object Options(Type type, RecipeNode node, string path, params ReadOnlySpan<string> except) =>
        Options(Activator.CreateInstance(type)!, node, path, except);

    // Onto options that are there: what the section around them takes for granted may not be their class's own default.
    private object Options(object options, RecipeNode node, string path, ReadOnlySpan<string> except)
    {
        var type = options.GetType();
        if (node.Members is null)
        {
            if (!node.IsEmpty)
            {
                Violate(node, path, "must be a map of settings, is a single value or a list");
                return options;
            }
        }

        var properties = Settings(type);
        var broken = new HashSet<string>();
        foreach (var (key, value) in node.Members ?? [])
        {
            if (except.Contains(key))
            {
                continue;
            }

            var comparison = value.IgnoresCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
            var property = properties.FirstOrDefault(p => string.Equals(Key(p), key, comparison));
            if (property is null)
            {
                Unknown(value, path, key, properties.Select(Key));
                continue;
            }

            var before = _violations.Count;
            if (Value(property, options, value, Join(path, Key(property))) is { } bound)
            {
                property.SetValue(options, bound);
            }

            if (_violations.Count > before)
            {
                broken.Add(property.Name);
            }
        }

        Validate(options, properties.Where(p => !broken.Contains(p.Name)), node, path);
        return options;
    }

    /// <summary>Binds <c>{ name: ..., ... }</c> to the options class that the name asks for.</summary>
    public Choice? Named(Type product, RecipeNode node, string path)
    {
        var name = node.Members?.FirstOrDefault(m => string.Equals(m.Key, "name", StringComparison.OrdinalIgnoreCase)).Value;
        if (name?.Scalar is null)
        {
            Violate(node, path, $"must have a name, one of {string.Join(", ", catalogs[product].Names)}");
            return null;
        }

        return Implementation(product, name, name.Scalar, Join(path, "name")) is { } options
            ? new Choice(name.Scalar, Options(options, node, path, "name", "NAME"))
            : null;
    }

    /// <summary>Binds a list of one-key maps, <c>- horizontalFlip: { probability: 0.5 }</c>.</summary>
    public List<Choice> Steps(Type product, RecipeNode node, string path)
    {
        var steps = new List<Choice>();
        foreach (var (item, i) in (node.Items ?? []).Select((item, i) => (item, i)))
        {
            var at = $"{path}[{i.ToString(CultureInfo.InvariantCulture)}]";
            // "- horizontalFlip" alone asks for the defaults.
            var (name, options) = item.Scalar is not null
                ? (item.Scalar, null)
                : item.Members is { Count: 1 } ? (item.Members.GetAt(0).Key, item.Members.GetAt(0).Value) : (null, null);
            if (name is null)
            {
                Violate(item, at, $"must be one of {string.Join(", ", catalogs[product].Names)} with its settings");
            }
            else if (Implementation(product, item, name, at) is { } type)
            {
                steps.Add(new Choice(name, options is null ? Activator.CreateInstance(type)! : Options(type, options, $"{at}.{name}")));
            }
        }

        return steps;
    }

    /// <summary>The settings of an options class, base class first.</summary>
    internal static IReadOnlyList<PropertyInfo> Settings(Type type) =>
        [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.CanWrite && p.GetIndexParameters().Length == 0)
            .OrderBy(p => Depth(p.DeclaringType!))
            .ThenBy(p => p.MetadataToken)];

    /// <summary>The key of a property: its name in camelCase.</summary>
    internal static string Key(MemberInfo property) => Camel(property.Name);

    /// <summary>A name of the code as recipes have it.</summary>
    internal static string Camel(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private static int Depth(Type type) => type.BaseType is { } parent ? 1 + Depth(parent) : 0;

    private static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";

    private Type? Implementation(Type product, RecipeNode node, string name, string path)
    {
        var catalog = catalogs[product];
        if (catalog.Names.Contains(name))
        {
            return catalog.OptionsType(name);
        }

        Violate(node, path, $"there is no '{name}'{NearestName.Question(name, catalog.Names)}; there are {string.Join(", ", catalog.Names)}");
        return null;
    }

    private object? Value(PropertyInfo property, object owner, RecipeNode node, string path)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (type == typeof(ViewSettings))
        {
            return ViewSettings.Bind(this, node, path);
        }

        if (property.GetCustomAttribute<ChosenFromAttribute>() is { } chosen && !node.IsEmpty)
        {
            return type == typeof(Choice) ? Named(chosen.Product, node, path) : Steps(chosen.Product, node, path);
        }

        if (node.IsEmpty)
        {
            // "key:" switches off what may be absent; it must not stand for a default that nobody wrote.
            if (property.PropertyType.IsValueType && Nullable.GetUnderlyingType(property.PropertyType) is null)
            {
                Violate(node, path, $"must be {Expected(type)}, is empty");
            }

            return null;
        }

        if (type.IsArray)
        {
            return Array(type.GetElementType()!, node, path);
        }

        if (type.IsClass && type != typeof(string))
        {
            return Options(property.GetValue(owner) ?? Activator.CreateInstance(type)!, node, path, []);
        }

        return Scalar(type, property, node, path);
    }

    private Array? Array(Type element, RecipeNode node, string path)
    {
        if (node.Items is null)
        {
            Violate(node, path, "must be a list, for example [0.1, 2.0]");
            return null;
        }

        IList values = System.Array.CreateInstance(element, node.Items.Count);
        for (var i = 0; i < node.Items.Count; i++)
        {
            if (Scalar(element, null, node.Items[i], $"{path}[{i}]") is { } value)
            {
                values[i] = value;
            }
        }

        return (Array)values;
    }

    private object? Scalar(Type type, PropertyInfo? property, RecipeNode node, string path)
    {
        if (node.Scalar is not { } text)
        {
            Violate(node, path, $"must be {Expected(type)}, is a {(node.Items is null ? "map" : "list")}");
            return null;
        }

        if (type == typeof(string))
        {
            return property?.GetCustomAttribute<Images.PathSettingAttribute>() is null || text.Length == 0
                ? text
                : Path.GetFullPath(text, node.Folder);
        }

        if (type.IsEnum)
        {
            var names = Enum.GetNames(type).Select(n => (Name: n, Key: Camel(n))).ToArray();
            var comparison = node.IgnoresCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
            var match = names.FirstOrDefault(n => string.Equals(n.Key, text, comparison));
            if (match.Name is not null)
            {
                return Enum.Parse(type, match.Name);
            }

            Violate(node, path, $"must be one of {string.Join(", ", names.Select(n => n.Key))}, is '{text}'");
            return null;
        }

        object? value = Type.GetTypeCode(type) switch
        {
            TypeCode.Boolean when text is "true" or "false" => text == "true",
            TypeCode.Int32 when int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var i) => i,
            TypeCode.Int64 when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var l) => l,
            TypeCode.UInt64 when ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var u) => u,
            TypeCode.Double when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var d)
                && double.IsFinite(d) => d,
            _ => null,
        };
        if (value is null)
        {
            Violate(node, path, $"must be {Expected(type)}, is '{text}'");
        }

        return value;
    }

    private static string Expected(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Boolean => "true or false",
        TypeCode.Int32 or TypeCode.Int64 => "a whole number",
        TypeCode.UInt64 => "a whole number of at least 0",
        TypeCode.Double => "a number",
        _ => "a single value",
    };

    private void Unknown(RecipeNode node, string path, string key, IEnumerable<string> known)
    {
        var names = known.ToArray();
        var nearest = NearestName.Question(key, names, prefix: path.Length == 0 ? "" : path + ".");
        Violate(
            node,
            Join(path, key),
            $"no such setting{(nearest.Length > 0 ? nearest : $"; there are {string.Join(", ", names)}")}");
    }

    private void Validate(object options, IEnumerable<PropertyInfo> properties, RecipeNode node, string path)
    {
        var clean = _violations.Count;
        foreach (var property in properties)
        {
            foreach (var rule in property.GetCustomAttributes<ValidationAttribute>())
            {
                var value = property.GetValue(options);
                if (!rule.IsValid(value))
                {
                    Violate(Place(node, Key(property)), Join(path, Key(property)), Problem(rule, value));
                }
            }
        }

        // Rules over several settings assume that each is valid on its own.
        if (clean == _violations.Count && options is IValidatableObject rules)
        {
            foreach (var result in rules.Validate(new ValidationContext(options)))
            {
                var key = result.MemberNames.FirstOrDefault() is { } member ? Camel(member) : "";
                Violate(Place(node, key), key.Length == 0 ? path : Join(path, key), result.ErrorMessage ?? "is not valid");
            }
        }
    }

    private static RecipeNode Place(RecipeNode parent, string key) =>
        parent.Members is { } members && members.TryGetValue(key, out var node) ? node : parent;

    private static string Problem(ValidationAttribute rule, object? value)
    {
        var shown = value switch
        {
            IEnumerable list and not string => $"[{string.Join(", ", list.Cast<object>().Select(Text))}]",
            _ => Text(value),
        };
        return rule switch
        {
            RequiredAttribute => "must be set",
            LengthAttribute length when length.MinimumLength == length.MaximumLength =>
                $"must have {length.MinimumLength} values, is {shown}",
            RangeAttribute range => $"must be {Bounds(range)}, is {shown}",
            _ => rule.FormatErrorMessage("this"),
        };
    }

    /// <summary>What a range allows, behind "must be".</summary>
    internal static string Bounds(RangeAttribute range) => (range.MinimumIsExclusive, IsUnlimited(range)) switch
    {
        (true, true) => $"greater than {Text(range.Minimum)}",
        (false, true) => $"at least {Text(range.Minimum)}",
        _ => $"from {Text(range.Minimum)}{(range.MinimumIsExclusive ? " (not included)" : "")} to " +
            $"{Text(range.Maximum)}{(range.MaximumIsExclusive ? " (not included)" : "")}",
    };

    /// <summary>The largest number of a type is no limit to name.</summary>
    private static bool IsUnlimited(RangeAttribute range) => range.Maximum is int.MaxValue or >= (double)long.MaxValue;

    private static string Text(object? value) => System.Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
}
