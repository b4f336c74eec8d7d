using SelfSup.Images;
using SelfSup.Recipes;

namespace SelfSup.Runs;

/// <summary>The images of a run: those it trains on, and those its backbone is judged by.</summary>
internal sealed class RunImages : IDisposable
{
    private readonly IImageSource? _reference;

    private RunImages(Recipe recipe, IImageSource training, IImageSource? reference, IImageSource? test)
    {
        (Training, _reference, Test) = (training, reference, test);
        Decoded = new DecodedCache(training.Count, recipe.Data!.DecodedCacheMegabytes * (1L << 20));
    }

    /// <summary>To train on.</summary>
    public IImageSource Training { get; }

    /// <summary>Those that are kept decoded of them.</summary>
    public DecodedCache Decoded { get; }

    /// <summary>Whose neighbours say what a test image is.</summary>
    public IImageSource Reference => _reference ?? Training;

    /// <summary>Those that are kept decoded of the reference, or null.</summary>
    public DecodedCache? DecodedReference => _reference is null ? Decoded : null;

    /// <summary>What the backbone is judged by; null where it is not.</summary>
    public IImageSource? Test { get; }

    /// <summary>What the files are, by the settings that name them.</summary>
    public IReadOnlyDictionary<string, SourceFiles> Files()
    {
        var files = new Dictionary<string, SourceFiles> { ["data"] = Training.Files };
        if (_reference is not null)
        {
            files.Add("evaluation.train", _reference.Files);
        }

        if (Test is not null)
        {
            files.Add("evaluation.test", Test.Files);
        }

        return files;
    }

    /// <summary>Opens what a recipe names.</summary>
    /// <exception cref="Errors.DataException">Something is not there, or holds no images.</exception>
    public static RunImages Open(Recipe recipe)
    {
        var opened = new List<IImageSource>();
        try
        {
            IImageSource Source(ImageSourceOptions options)
            {
                opened.Add(ImageSources.Open(options));
                return opened[^1];
            }

            var training = Source(recipe.Data!);
            var isJudged = recipe.Evaluation.Test is not null;
            var reference = isJudged && recipe.Evaluation.Train is { } train ? Source(train) : null;
            return new RunImages(recipe, training, reference, isJudged ? Source(recipe.Evaluation.Test!) : null);
        }
        catch
        {
            opened.ForEach(source => source.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Training.Dispose();
        _reference?.Dispose();
        Test?.Dispose();
    }
}
