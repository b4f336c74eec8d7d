using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Methods;

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
        var name = new Argument<string?>("name") { Description = "A method whose settings are listed", Arity = ArgumentArity.ZeroOrOne };
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
            "takes; or the settings of one method. Example: selfsup methods moco")
        {
            name, images, width, parameters, json, assemblies,
        };
        command.SetAction((parsed, _) =>
        {
            var scale = new StoreScale(
                InRange("--images", parsed.GetValue(images), Most),
                InRange("--width", parsed.GetValue(width), MostWidth),
                InRange("--parameters", parsed.GetValue(parameters), Most));
            var methods = CommonOptions.Reader(parsed.GetValue(assemblies)).Methods;
            if (parsed.GetValue(name) is { } one)
            {
                PrintOne(methods, one, scale, parsed.GetValue(json));
            }
            else
            {
                PrintAll(methods, scale, parsed.GetValue(json));
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
    private static void PrintOne(Catalog<Method> methods, string name, StoreScale scale, bool json)
    {
        if (!methods.Names.Contains(name))
        {
            throw new RecipeException(
                $"methods: there is no '{name}'{NearestName.Question(name, methods.Names)}; there are {string.Join(", ", methods.Names)}");
        }

        var method = MethodFacts.Of(methods, name, scale);
        var settings = SettingFacts.Of(Activator.CreateInstance(methods.OptionsType(name))!).ToArray();
        var type = methods.TypeOf(name);
        var description = new DocComments(type.Assembly).Of(type);
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { scale, method, description, settings }, CheckpointManifest.Json));
            return;
        }

        void Fact(string fact, string value) => Console.WriteLine($"{fact,-8}{value}");
        Fact("method", name);
        Fact("paper", $"{method.Paper ?? "-"}{(method.Address is { } address ? $", {address}" : "")}");
        Fact("views", Views(method));
        Fact("keeps", method.Keeps.Count == 0
            ? "nothing"
            : $"{string.Join(", ", method.Keeps.Select(s => $"{s.Name} {Sizes.Bytes(s.Bytes)}"))} ({Scale(scale)})");
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
            settings.Select(s => new[] { s.Key, s.Default ?? "-", s.Range is { } range ? $"{s.Type} {range}" : s.Type, s.Description ?? "" }),
            foldsLast: true);
    }

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
