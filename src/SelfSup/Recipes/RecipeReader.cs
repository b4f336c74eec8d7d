using System.Reflection;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Optimization;

namespace SelfSup.Recipes;

/// <summary>
/// Reads recipes: the file, then environment variables <c>SELFSUP__SECTION__KEY</c>, then <c>--set section.key=value</c>,
/// later ones first. Whatever is wrong is reported at once, before the first image is read.
/// </summary>
internal sealed class RecipeReader
{
    /// <summary>What an environment variable that overrides a setting starts with.</summary>
    public const string EnvironmentPrefix = "SELFSUP__";

    /// <param name="assemblies">Where methods, augmentations, optimizers and schedules are looked for.</param>
    public RecipeReader(params IEnumerable<Assembly> assemblies) => Catalogs = new([typeof(Recipe).Assembly, .. assemblies]);

    /// <summary>Everything that a recipe can choose from.</summary>
    public CatalogSet Catalogs { get; }

    public Catalog<Method> Methods => Catalogs.Of<Method>();

    public Catalog<IAugmentation> Augmentations => Catalogs.Of<IAugmentation>();

    public Catalog<IOptimizer> Optimizers => Catalogs.Of<IOptimizer>();

    public Catalog<ILearningRateSchedule> Schedules => Catalogs.Of<ILearningRateSchedule>();

    /// <summary>Reads and validates a recipe.</summary>
    /// <param name="path">The YAML file.</param>
    /// <param name="environment">Variables that start with <see cref="EnvironmentPrefix"/>.</param>
    /// <param name="overrides">Assignments <c>section.key=value</c>.</param>
    /// <exception cref="RecipeException">Something is wrong; the message has a line for each violation.</exception>
    public Recipe Read(
        string path, IReadOnlyDictionary<string, string> environment, IReadOnlyList<string> overrides)
    {
        var root = RecipeNode.FromFile(path);
        var recipe = Read(root, environment, overrides);
        recipe.Run.Name ??= Path.GetFileNameWithoutExtension(path);
        return recipe;
    }

    /// <summary>Reads a resolved recipe, such as the one a run directory or an exported file holds.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="origin">Where it comes from, for messages.</param>
    /// <exception cref="RecipeException">Something is wrong with it.</exception>
    public Recipe ReadText(string text, string origin) =>
        Read(RecipeNode.FromText(text, origin), new Dictionary<string, string>(), []);

    private Recipe Read(
        RecipeNode root, IReadOnlyDictionary<string, string> environment, IReadOnlyList<string> overrides)
    {
        foreach (var (variable, value) in environment.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            root.SetFromEnvironment(variable, value);
        }

        foreach (var assignment in overrides)
        {
            root.Set(assignment);
        }

        FormerSettings.Translate(root);
        var binder = new RecipeBinder(Catalogs);
        var recipe = (Recipe)binder.Options(typeof(Recipe), root, "");
        if (binder.Violations.Count == 0) // rules over several settings assume that each is valid on its own
        {
            RecipeRules.Check(recipe, this, (key, problem) => binder.Violate(Place(root, key), key, problem));
        }

        if (binder.Violations.Count > 0)
        {
            throw new RecipeException(binder.Violations);
        }

        return recipe;
    }

    /// <summary>The deepest node of the tree on the way to a setting.</summary>
    private static RecipeNode Place(RecipeNode root, string key)
    {
        var node = root;
        foreach (var part in key.Split('.'))
        {
            if (node.Members is null || !node.Members.TryGetValue(part, out var next))
            {
                return node;
            }

            node = next;
        }

        return node;
    }
}
