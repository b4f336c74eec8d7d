using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tools.FashionMnist;

var source = new Argument<DirectoryInfo>("source")
{
    Description = "The folder with the four IDX files (Debian: package dataset-fashion-mnist).",
    DefaultValueFactory = _ => new DirectoryInfo("/usr/share/datasets/fashion-mnist"),
};
var output = new Option<DirectoryInfo>("--out")
{
    Description = "The folder that train.parquet and test.parquet are written to.",
    Required = true,
};
var train = Count("--train", "How many training images, the same number of each class.", 10_000);
var test = Count("--test", "How many test images, the same number of each class.", 2_000);
var full = new Option<bool>("--full") { Description = "All 60,000 training and 10,000 test images." };

var command = new RootCommand(
    "Writes Fashion-MNIST as Parquet in the layout of Hugging Face data sets, images as PNG. Example: "
    + "dotnet run -c Release --project tools/fashion-mnist -- --out recipes/data/fashion-mnist")
{
    source, output, train, test, full,
};
command.SetAction(Run);
command.Subcommands.Add(ClassPairs.Command());
return await command.Parse(args).InvokeAsync();

async Task<int> Run(ParseResult arguments, CancellationToken cancellationToken)
{
    var folder = arguments.GetRequiredValue(source).FullName;
    var target = arguments.GetRequiredValue(output);
    var all = arguments.GetValue(full);
    try
    {
        target.Create();
        await Write("train", arguments.GetValue(train));
        await Write("t10k", arguments.GetValue(test));
        return 0;
    }
    catch (DataException e)
    {
        await Console.Error.WriteLineAsync(e.Message);
        return e.ExitCode;
    }

    async Task Write(string part, int count)
    {
        using var images = new IdxSource(Path.Combine(folder, $"{part}-images-idx3-ubyte.gz"), maxPixels: 28 * 28);
        var rows = all ? [.. Enumerable.Range(0, images.Count)] : BalancedSubset.Choose(images, count);
        var file = Path.Combine(target.FullName, part == "train" ? "train.parquet" : "test.parquet");
        await using (var stream = File.Create(file))
        {
            await HuggingFaceParquet.Write(stream, images, rows, cancellationToken);
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{file}: {rows.Count:N0} images, {new FileInfo(file).Length:N0} bytes"));
    }
}

static Option<int> Count(string name, string description, int value)
{
    var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => value };
    option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() is var count && (count < 10 || count % 10 != 0))
        {
            result.AddError($"{name}: must be a multiple of 10, the number of classes, is {count}");
        }
    });
    return option;
}
