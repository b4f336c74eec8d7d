using System.Reflection;

using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary>What a recipe can name somewhere inside a method's section, by a path: <c>metricLearning.loss.triplet.distance.cosine</c>.</summary>
/// <param name="Path">The path, to a name.</param>
/// <param name="Type">The class.</param>
/// <param name="Options">Its options with their defaults.</param>
internal sealed record ChoiceFacts(string Path, Type Type, object Options)
{
    /// <summary>Follows a path.</summary>
    /// <param name="catalogs">What there is to choose from.</param>
    /// <param name="path">Names and settings, one after the other, from a method on.</param>
    /// <returns>One, where the path ends at a name; where it ends at a setting, all that it can be.</returns>
    /// <exception cref="RecipeException">Something on the way does not exist.</exception>
    public static IReadOnlyList<ChoiceFacts> At(CatalogSet catalogs, string path)
    {
        var parts = path.Split('.');
        var found = Named(catalogs, typeof(Method), parts[0], parts[0], "methods");
        for (var i = 1; i < parts.Length;)
        {
            // Sections lie between a name and what is chosen in it: predictor.activation.
            var options = found.Options;
            PropertyInfo? property;
            do
            {
                property = Setting(options, parts, i);
                if (property.GetCustomAttribute<ChosenFromAttribute>() is null)
                {
                    options = property.GetValue(options) ?? Activator.CreateInstance(property.PropertyType)!;
                }

                i++;
            }
            while (property.GetCustomAttribute<ChosenFromAttribute>() is null);
            var product = property.GetCustomAttribute<ChosenFromAttribute>()!.Product;
            var here = string.Join('.', parts[..i]);
            if (i == parts.Length)
            {
                return [.. catalogs[product].Names.Select(name => Named(catalogs, product, name, $"{here}.{name}", here))];
            }

            found = Named(catalogs, product, parts[i], $"{here}.{parts[i]}", here);
            i++;
        }

        return [found];
    }

    private static PropertyInfo Setting(object options, string[] parts, int at)
    {
        var where = string.Join('.', parts[..at]);
        var settings = RecipeBinder.Settings(options.GetType());
        if (at == parts.Length)
        {
            throw new RecipeException($"methods: {where} is a section, must be a method or something that is chosen in it by name");
        }

        var property = settings.FirstOrDefault(p => RecipeBinder.Key(p) == parts[at])
            ?? throw new RecipeException(
                $"methods: {where} has no setting '{parts[at]}'{NearestName.Question(parts[at], settings.Select(RecipeBinder.Key))}");
        var isSection = property.PropertyType.IsClass && !property.PropertyType.IsArray && property.PropertyType != typeof(string);
        return property.GetCustomAttribute<ChosenFromAttribute>() is not null || isSection
            ? property
            : throw new RecipeException(
                $"methods: {where}.{parts[at]} is a single value, must be a method or something that is chosen in it by name; what it can be is "
                + $"said at {string.Join('.', parts[..at])}");
    }

    private static ChoiceFacts Named(CatalogSet catalogs, Type product, string name, string path, string where)
    {
        var catalog = catalogs[product];
        return catalog.Names.Contains(name)
            ? new ChoiceFacts(path, catalog.TypeOf(name), Activator.CreateInstance(catalog.OptionsType(name))!)
            : throw new RecipeException(
                $"{where}: there is no '{name}'{NearestName.Question(name, catalog.Names)}; there are {string.Join(", ", catalog.Names)}");
    }
}
