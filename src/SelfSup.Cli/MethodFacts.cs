using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

using SelfSup.Catalogs;
using SelfSup.Methods;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary>What is known of a method without images and weights, of its class and the defaults of its options.</summary>
/// <param name="Name">The name in recipes.</param>
/// <param name="Paper">Authors, year and name, or null.</param>
/// <param name="Address">Where the paper can be read, or null.</param>
/// <param name="Views">V with default options; null where the class does not say.</param>
/// <param name="ViewsRule">How V follows from settings, <c>2 + smallViews</c>; null where it does not.</param>
/// <param name="Keeps">What it keeps between steps.</param>
internal sealed record MethodFacts(
    string Name, string? Paper, string? Address, int? Views, string? ViewsRule, IReadOnlyList<StoreSize> Keeps)
{
    /// <summary>The memory of all it keeps.</summary>
    public long Bytes => Keeps.Sum(store => store.Bytes);

    /// <summary>Looks at a method of a catalogue.</summary>
    public static MethodFacts Of(Catalog<Method> methods, string name, StoreScale scale)
    {
        var type = methods.TypeOf(name);
        var options = Activator.CreateInstance(methods.OptionsType(name))!;
        var paper = type.GetCustomAttribute<PaperAttribute>();
        var views = type.GetCustomAttribute<ViewsAttribute>();
        return new MethodFacts(
            name,
            paper?.Citation,
            paper?.Address,
            views?.Of(options),
            views?.More is { } more ? $"{(views.Count > 0 ? $"{views.Count} + " : "")}{RecipeBinder.Camel(more)}" : null,
            [.. (options as IRemembers)?.Stores(scale) ?? []]);
    }
}

/// <summary>A setting of a method, as help shows it.</summary>
/// <param name="Key">Its key, <c>predictor.layers</c> in a section.</param>
/// <param name="Type">What it is in words.</param>
/// <param name="Range">What is allowed, or null.</param>
/// <param name="Default">What it is where a recipe leaves it out; null where that is nothing.</param>
/// <param name="Description">Its doc comment, or null.</param>
internal sealed record SettingFacts(string Key, string Type, string? Range, string? Default, string? Description)
{
    /// <summary>The settings of an options class, sections in their place.</summary>
    /// <param name="options">An instance with its defaults.</param>
    public static IEnumerable<SettingFacts> Of(object options) => Of(options, prefix: "", []);

    private static IEnumerable<SettingFacts> Of(object options, string prefix, Dictionary<Assembly, DocComments> comments)
    {
        foreach (var property in RecipeBinder.Settings(options.GetType()))
        {
            var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            var key = prefix + RecipeBinder.Key(property);
            if (type.IsClass && !type.IsArray && type != typeof(string))
            {
                foreach (var inner in Of(property.GetValue(options) ?? Activator.CreateInstance(type)!, key + ".", comments))
                {
                    yield return inner;
                }

                continue;
            }

            var assembly = property.DeclaringType!.Assembly;
            if (!comments.TryGetValue(assembly, out var known))
            {
                comments.Add(assembly, known = new DocComments(assembly));
            }

            var range = property.GetCustomAttribute<RangeAttribute>();
            yield return new SettingFacts(
                key, Words(type), range is null ? null : RecipeBinder.Bounds(range), Value(property.GetValue(options)), known.Of(property));
        }
    }

    private static string Words(Type type) => type switch
    {
        { IsArray: true } => $"list, each a {Words(type.GetElementType()!)}",
        { IsEnum: true } => string.Join(" or ", Enum.GetNames(type).Select(RecipeBinder.Camel)),
        _ => System.Type.GetTypeCode(type) switch
        {
            TypeCode.Boolean => "true or false",
            TypeCode.Int32 or TypeCode.Int64 or TypeCode.UInt64 => "whole number",
            TypeCode.Double => "number",
            _ => "text",
        },
    };

    private static string? Value(object? value) => value switch
    {
        null => null,
        bool flag => flag ? "true" : "false",
        Enum choice => RecipeBinder.Camel(choice.ToString()),
        IEnumerable list and not string => $"[{string.Join(", ", list.Cast<object>().Select(Value))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };
}
