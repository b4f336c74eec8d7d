using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary><c>selfsup methods [NAME]</c>. Needs neither images nor libtorch.</summary>
internal static class MethodsCommand
{
    private const long ImageNet = 1_281_167;

    /// <summary>A ResNet-50 with a head of 2,048 hidden and 128 outputs.</summary>
    private const long ResNet50 = 28_000_000;

    /// <summary>More than a data set or network has, and little enough for a product of two.</summary>
    private const long Most = 1_000_000_000_000;

    private const int MostWidth = 65_536;

    public static Command Create()
    {
        var name = new Argument<string?>("name") { Description = "A method whose settings are listed, or what is chosen in it: metricLearning.loss.arcFace", Arity = ArgumentArity.ZeroOrOne };
        var images = new Option<long>("--images") { Description = "Images of the data set, for what memory banks need", DefaultValueFactory = _ => ImageNet, HelpName = "n" };
        var width = new Option<long>("--width") { Description = "D, width of the embeddings", DefaultValueFactory = _ => 128, HelpName = "n" };
        var parameters = new Option<long>("--parameters")
        {
            Description = "Parameters of backbone and head, for what a second encoder needs; by default those of a ResNet-50",
            DefaultValueFactory = _ => ResNet50,
            HelpName = "n",
        };
        var json = new Option<bool>("--json") { Description = "Prints JSON in place of a table" };
        var assemblies = CommonOptions.Assemblies();
        var command = new Command(
            "methods",
            "Lists what a recipe's method can be: paper, views of an image, and what it keeps between steps, with the memory that " +
            "takes; or the settings of one method, or of what is chosen in it. Examples: selfsup methods moco, selfsup methods metricLearning.loss")
        {
            name, images, width, parameters, json, assemblies,
        };
        command.SetAction((parsed, _) =>
        {
            var scale = new StoreScale(
                InRange("--images", parsed.GetValue(images), Most),
                InRange("--width", parsed.GetValue(width), MostWidth),
                InRange("--parameters", parsed.GetValue(parameters), Most));
            var reader = CommonOptions.Reader(parsed.GetValue(assemblies));
            if (parsed.GetValue(name) is not { } one)
            {
                PrintAll(reader.Methods, scale, parsed.GetValue(json));
            }
            else if (one.Contains('.'))
            {
                PrintChoices(reader.Catalogs, one, parsed.GetValue(json));
            }
            else
            {
                PrintOne(reader, one, scale, parsed.GetValue(json));
            }

            return Task.FromResult(ExitCodes.Success);
        });
        return command;
    }

    private static void PrintAll(Catalog<Method> methods, StoreScale scale, bool json)
    {
        var all = methods.Names.Select(name => MethodFacts.Of(methods, name, scale)).ToArray();
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { scale, methods = all }, CheckpointManifest.Json));
            return;
        }

        TextTable.Print(
            ["method", "views", "keeps", "memory", "paper", "address"],
            all.Select(m => new[] { m.Name, Views(m), Keeps(m), m.Bytes == 0 ? "-" : Sizes.Bytes(m.Bytes), m.Paper ?? "-", m.Address ?? "-" }),
            foldsLast: true);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"with default settings, {Scale(scale)}; the settings of one: selfsup methods NAME"));
    }

    /// <exception cref="RecipeException">There is no such method.</exception>
    private static void PrintOne(RecipeReader reader, string name, StoreScale scale, bool json)
    {
        var methods = reader.Methods;
        if (!methods.Names.Contains(name))
        {
            throw new RecipeException(
                $"methods: there is no '{name}'{NearestName.Question(name, methods.Names)}; there are {string.Join(", ", methods.Names)}");
        }

        var method = MethodFacts.Of(methods, name, scale);
        var settings = SettingFacts.Of(Activator.CreateInstance(methods.OptionsType(name))!, reader.Catalogs).ToArray();
        var type = methods.TypeOf(name);
        var description = new DocComments(type.Assembly).Of(type);
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { scale, method, description, settings }, CheckpointManifest.Json));
            return;
        }

        Fact("method", name);
        Fact("paper", $"{method.Paper ?? "-"}{(method.Address is { } address ? $", {address}" : "")}");
        Fact("views", Views(method));
        Fact("keeps", method.Keeps.Count == 0
            ? "nothing"
            : $"{string.Join(", ", method.Keeps.Select(s => $"{s.Name} {Sizes.Bytes(s.Bytes)}"))} ({Scale(scale)})");
        PrintSettings(name, description, settings);
    }

    /// <exception cref="RecipeException">Something on the way does not exist.</exception>
    private static void PrintChoices(CatalogSet catalogs, string path, bool json)
    {
        var found = ChoiceFacts.At(catalogs, path).Select(choice => new
        {
            choice.Path,
            Description = new DocComments(choice.Type.Assembly).Of(choice.Type),
            Settings = SettingFacts.Of(choice.Options, catalogs).ToArray(),
        }).ToArray();
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { choices = found }, CheckpointManifest.Json));
        }
        else if (found is [var only] && only.Path == path)
        {
            Fact("name", path);
            PrintSettings(path, only.Description, only.Settings);
        }
        else
        {
            TextTable.Print(["name", ""], found.Select(f => new[] { f.Path[(path.Length + 1)..], f.Description ?? "" }), foldsLast: true);
            Console.WriteLine($"the settings of one: selfsup methods {path}.NAME");
        }
    }

    private static void PrintSettings(string path, string? description, SettingFacts[] settings)
    {
        if (description is not null)
        {
            Console.WriteLine();
            Console.WriteLine(description);
        }

        Console.WriteLine();
        if (settings.Length == 0)
        {
            Console.WriteLine("it has no settings");
            return;
        }

        TextTable.Print(
            ["setting", "default", "what", ""],
            settings.Select(s => new[]
            {
                s.Key, s.Default ?? "-", s.Choices is null ? s.Range is { } range ? $"{s.Type} {range}" : s.Type : "a name, see below", s.Description ?? "",
            }),
            foldsLast: true);
        foreach (var choice in settings.Where(s => s.Choices is not null))
        {
            Console.WriteLine();
            Console.WriteLine($"{choice.Key}: {string.Join(", ", choice.Choices!)}");
            Console.WriteLine($"the settings of one: selfsup methods {path}.{choice.Key}.NAME");
        }
    }

    private static void Fact(string fact, string value) => Console.WriteLine($"{fact,-8}{value}");

    private static string Views(MethodFacts method) =>
        $"{method.Views?.ToString(CultureInfo.InvariantCulture) ?? "-"}{(method.ViewsRule is { } rule ? $" ({rule})" : "")}";

    private static string Keeps(MethodFacts method) =>
        method.Keeps.Count == 0 ? "-" : string.Join(", ", method.Keeps.Select(store => store.Name));

    private static string Scale(StoreScale scale) => string.Create(
        CultureInfo.InvariantCulture,
        $"{scale.Images:N0} images, embeddings {scale.Width} wide, {scale.Parameters:N0} parameters");

    private static long InRange(string flag, long value, long most) => value >= 1 && value <= most
        ? value
        : throw new RecipeException($"{flag}: must be from 1 to {most}, is {value}");
}
