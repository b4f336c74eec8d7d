using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Tools.Fuzz;

/// <summary>Many cases over the files of folders, or one of them again.</summary>
internal sealed class FuzzRun : IDisposable
{
    /// <summary>No case may take longer.</summary>
    private const double MostMilliseconds = 1000;

    private static readonly JsonSerializerOptions _format = new() { WriteIndented = true };

    private readonly string[] _paths;
    private readonly IFuzzer _fuzzer;
    private readonly DirectoryInfo? _damaged;

    /// <param name="folders">Where undamaged files are.</param>
    /// <param name="tensors">Whether these are files of tensors, not images.</param>
    public FuzzRun(IReadOnlyList<string> folders, bool tensors = false)
    {
        if (folders.FirstOrDefault(folder => !Directory.Exists(folder)) is { } missing)
        {
            throw new DataException($"{missing}: no such folder");
        }

        _paths =
        [
            .. folders.SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
                .Where(path => tensors ? TensorFuzzer.Extensions.Contains(Path.GetExtension(path)) : EncodedImage.HasExtension(path))
                .Order(StringComparer.Ordinal),
        ];
        if (_paths.Length == 0)
        {
            throw new DataException($"{string.Join(", ", folders)}: no {(tensors ? "files of tensors" : "images")}");
        }

        List<byte[]> files = [.. _paths.Select(File.ReadAllBytes)];
        _damaged = tensors ? Directory.CreateTempSubdirectory("fuzz-") : null;
        _fuzzer = _damaged is null ? new ImageFuzzer(files, files[0]) : new TensorFuzzer(files, _damaged.FullName);
    }

    /// <inheritdoc/>
    public void Dispose() => _damaged?.Delete(recursive: true);

    /// <summary>Runs one case.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="DataException">The file is not in the folders.</exception>
    public int One(long seed, string path)
    {
        var index = Array.FindIndex(_paths, other => Path.GetFullPath(other) == Path.GetFullPath(path));
        if (index < 0)
        {
            throw new DataException($"{path}: not such a file in the folders");
        }

        // The first run compiles, the second is the one that is timed.
        _ = _fuzzer.Run(index, seed);
        var outcome = _fuzzer.Run(index, seed);
        Print(new JsonObject
        {
            ["file"] = path,
            ["seed"] = seed,
            ["by"] = outcome.By,
            ["milliseconds"] = Math.Round(outcome.Milliseconds, 1),
            ["failure"] = outcome.Failure,
        });
        return outcome.Failure is null && outcome.Milliseconds <= MostMilliseconds ? 0 : 1;
    }

    /// <summary>Runs cases with one seed after another, each with the next file.</summary>
    /// <returns>The exit code: 1 where something came out that must not.</returns>
    public int Many(int cases, long seed)
    {
        var (refused, failures) = (0, 0);
        var by = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var (slowest, slowestPath, slowestSeed) = (0.0, "", 0L);
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < cases; i++)
        {
            var file = i % _paths.Length;
            var outcome = _fuzzer.Run(file, seed + i);
            var milliseconds = outcome.Milliseconds;
            for (var again = 0; again < 2 && milliseconds > MostMilliseconds; again++)
            {
                // Others may have had the processor.
                milliseconds = Math.Min(milliseconds, _fuzzer.Run(file, seed + i).Milliseconds);
            }

            if (milliseconds > slowest)
            {
                (slowest, slowestPath, slowestSeed) = (milliseconds, _paths[file], seed + i);
            }

            if (outcome.Failure is not null || milliseconds > MostMilliseconds)
            {
                failures++;
                Console.Error.WriteLine(
                    $"--case {seed + i} {_paths[file]}: {milliseconds:F0} ms; {outcome.Failure ?? "too slow"}");
            }

            if (outcome.By is { } decoder)
            {
                by[decoder] = by.GetValueOrDefault(decoder) + 1;
            }
            else
            {
                refused++;
            }
        }

        using var process = Process.GetCurrentProcess();
        Print(new JsonObject
        {
            ["cases"] = cases,
            ["files"] = _paths.Length,
            ["decoded"] = cases - refused,
            ["refused"] = refused,
            ["decodedBy"] = new JsonObject(by.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
            ["slowestMilliseconds"] = Math.Round(slowest, 1),
            ["slowestCase"] = $"--case {slowestSeed} {slowestPath}",
            ["crashes"] = failures,
            ["peakResidentMegabytes"] = process.PeakWorkingSet64 >> 20,
            ["seconds"] = Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 1),
        });
        return failures == 0 ? 0 : 1;
    }

    private static void Print(JsonObject result) => Console.WriteLine(result.ToJsonString(_format));
}
