using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

using SelfSup.Catalogs;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary>A setting, as help shows it.</summary>
/// <param name="Key">Its key, <c>predictor.layers</c> in a section.</param>
/// <param name="Type">What it is in words.</param>
/// <param name="Range">What is allowed, or null.</param>
/// <param name="Default">What it is where a recipe leaves it out; null where that is nothing.</param>
/// <param name="Description">Its doc comment, or null.</param>
/// <param name="Choices">The names it can have, where each has settings of its own; else null.</param>
internal sealed record SettingFacts(
    string Key, string Type, string? Range, string? Default, string? Description, IReadOnlyCollection<string>? Choices = null)
{
    /// <summary>The settings of an options class, sections in their place.</summary>
    /// <param name="options">An instance with its defaults.</param>
    /// <param name="catalogs">What there is to choose from.</param>
    public static IEnumerable<SettingFacts> Of(object options, CatalogSet catalogs) => Of(options, catalogs, prefix: "", []);

    private static IEnumerable<SettingFacts> Of(
        object options, CatalogSet catalogs, string prefix, Dictionary<Assembly, DocComments> comments)
    {
        foreach (var property in RecipeBinder.Settings(options.GetType()))
        {
            var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            var key = prefix + RecipeBinder.Key(property);
            var choices = property.GetCustomAttribute<ChosenFromAttribute>() is { } chosen ? catalogs[chosen.Product].Names : null;
            if (choices is null && type.IsClass && !type.IsArray && type != typeof(string))
            {
                foreach (var inner in Of(property.GetValue(options) ?? Activator.CreateInstance(type)!, catalogs, key + ".", comments))
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
                key,
                choices is null ? Words(type) : $"{(type == typeof(Choice) ? "" : "list, each a ")}{string.Join(" or ", choices)}, with settings",
                range is null ? null : RecipeBinder.Bounds(range),
                Value(property.GetValue(options)),
                known.Of(property),
                choices);
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
        Choice choice => choice.Name,
        IEnumerable list and not string => $"[{string.Join(", ", list.Cast<object>().Select(Value))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };
}
