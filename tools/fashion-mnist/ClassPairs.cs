using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Tools.FashionMnist;

/// <summary>Pairs of images of one class, as somebody would know them who has no classes but was told what belongs together.</summary>
internal static class ClassPairs
{
    private const ulong Seed = 1;

    /// <summary>The verb that writes them.</summary>
    public static Command Command()
    {
        var source = new Argument<string>("images") { Description = "Labelled images: a Parquet file." };
        var output = new Option<FileInfo>("--out") { Description = "The CSV file.", Required = true };
        var count = new Option<int>("--count") { Description = "How many pairs.", DefaultValueFactory = _ => 10_000 };
        var command = new Command(
            "pairs",
            "Draws pairs of images of the same class, by their rows. Example: dotnet run -c Release --project tools/fashion-mnist -- pairs "
            + "recipes/data/fashion-mnist/train.parquet --out recipes/data/fashion-mnist/pairs.csv")
        {
            source, output, count,
        };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            try
            {
                using var images = ImageSources.Open(new() { Path = arguments.GetRequiredValue(source) });
                await File.WriteAllLinesAsync(
                    arguments.GetRequiredValue(output).FullName, ["anchor,positive", .. Draw(images, arguments.GetValue(count))], cancellationToken);
                return 0;
            }
            catch (DataException e)
            {
                await Console.Error.WriteLineAsync(e.Message);
                return e.ExitCode;
            }
        });
        return command;
    }

    private static IEnumerable<string> Draw(IImageSource images, int count)
    {
        int[][] classes = [.. Enumerable.Range(0, images.Count).GroupBy(images.Label).Where(group => group.Key >= 0 && group.Count() > 1).Select(group => group.ToArray())];
        if (classes.Length == 0)
        {
            throw new DataException($"{images.Locate(0)}: there are no two images of one class; name labelled images");
        }

        for (var pair = 0; pair < count; pair++)
        {
            var random = new CounterRandom(Seed, RandomPurpose.Selection, sample: pair, view: 2);
            var members = classes[random.NextInt(classes.Length)];
            var anchor = random.NextInt(members.Length);
            var positive = (anchor + 1 + random.NextInt(members.Length - 1)) % members.Length;
            yield return string.Create(CultureInfo.InvariantCulture, $"{members[anchor]},{members[positive]}");
        }
    }
}
