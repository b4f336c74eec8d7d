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
