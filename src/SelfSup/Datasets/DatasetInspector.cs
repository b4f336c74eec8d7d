using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Says what is in an image source: sizes, formats, labels, damage, duplicates, statistics of the pixels.</summary>
internal sealed class DatasetInspector(IImageSource source, InspectOptions options)
{
    /// <summary>Looks at every image.</summary>
    /// <param name="progress">Told after each image, and once before the first: how many are done, and unreadable.</param>
    /// <param name="cancellationToken">Stops after the current image.</param>
    /// <exception cref="DataException">The source is gone.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public InspectReport Run(Action<int, int> progress, CancellationToken cancellationToken)
    {
        var work = new OrderedWork<ImageFacts>(
            options.Workers, () => new ImageExaminer(source, options).Examine, _ => 0);
        var tally = new InspectTally(source);
        var done = 0;
        progress(done, 0);
        foreach (var facts in work.Run(0, source.Count, cancellationToken))
        {
            tally.Add(done++, facts);
            progress(done, tally.Unreadable);
        }

        return tally.Report(options, ImageSources.Files(options.Source.Path).Count);
    }
}
