using System.Globalization;

using SelfSup.Datasets;
using SelfSup.Errors;

namespace SelfSup.Cli;

/// <summary>What verbs print that make Parquet files of images: how far it is, where it goes on, what there is in the end.</summary>
internal static class PackedFiles
{
    /// <summary>Makes files, until Ctrl-C or SIGTERM.</summary>
    /// <param name="output">The file, as the user named it.</param>
    /// <param name="rows">What its rows are called.</param>
    /// <param name="make">Makes them, tells how far it is, and stops when it is asked to.</param>
    /// <returns>The exit code.</returns>
    public static int Make(string output, string rows, Func<Action<PackProgress>, CancellationToken, PackReport> make)
    {
        using var signal = new SignalToken();
        var last = default(PackProgress);
        PackReport report;
        try
        {
            var started = false;
            using var progress = CountProgress.ToOutput();
            report = make(
                p =>
                {
                    if (!started && p.Done > 0)
                    {
                        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"goes on after {p.Done:N0} of {p.Total:N0} images"));
                    }

                    (started, last) = (true, p);
                    progress.Report(p.Done, p.Total, p.Unreadable > 0 ? $"  {p.Unreadable:N0} unreadable" : "");
                },
                signal.Token);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"selfsup: stopped at {last.Done:N0} of {last.Total:N0} images; go on with the same command, or delete {output}.partial"));
            return signal.ExitCode;
        }
        catch (DataException e)
        {
            throw DataCommand.InFlags(e);
        }

        var files = report.Files.Count == 1 ? output : string.Create(
            CultureInfo.InvariantCulture, $"{report.Files.Count:N0} files, {Path.ChangeExtension(output, null)}-*.parquet");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{files}: {report.Images:N0} {rows}, {Sizes.Bytes(report.Bytes)}"));
        if (report.UnreadableFile is not null)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"left out: {report.Unreadable.Count:N0} images, listed in {output}.unreadable.txt"));
        }

        return ExitCodes.Success;
    }
}
