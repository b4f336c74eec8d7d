using System.Globalization;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Errors;

namespace SelfSup.Tools.Crash;

/// <summary>Kills the training of a method again and again, and compares its end with that of a run that was never killed.</summary>
/// <param name="program">The program.</param>
/// <param name="folder">Where runs go.</param>
/// <param name="images">The folder of Fashion-MNIST.</param>
/// <param name="seed">What chooses the moments.</param>
/// <param name="killsPerRun">A run is left to its end after so many kills, and another is begun.</param>
internal sealed class CrashRun(string program, string folder, string images, int seed, int killsPerRun)
{
    private readonly SortedDictionary<string, int> _kills = new(StringComparer.Ordinal);
    private readonly List<string> _differences = [];
    private int _runs;
    private int _halfWritten;
    private int _notRenamed;
    private int _halfDeleted;
    private long _lostSteps;
    private int _lostCheckpoints;

    private static KillMoment[] Moments => Tracer.IsAllowed
        ? Enum.GetValues<KillMoment>()
        : [KillMoment.Starting, KillMoment.Anywhere, KillMoment.Writing, KillMoment.Completing];

    /// <summary>Kills.</summary>
    /// <param name="method">The method.</param>
    /// <param name="kills">How often.</param>
    public CrashReport Kill(string method, int kills)
    {
        var recipe = Path.Combine(folder, $"{method}.yaml");
        // A process advances by some twenty steps before it is killed.
        File.WriteAllText(recipe, MethodRecipe.Text(method, images, epochs: Math.Max(5, 3 * Math.Min(kills, killsPerRun))));
        var whole = Path.Combine(folder, $"{method}-whole");
        new Victim(program, recipe, whole).Finish();

        var random = new Random(seed);
        for (var done = 0; done < kills;)
        {
            var run = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{method}-killed-{++_runs}"));
            done += Life(new Victim(program, recipe, run), run, random, Math.Min(killsPerRun, kills - done));
            _differences.AddRange(RunEnd.Differences(whole, run).Select(difference => $"{Path.GetFileName(run)}: {difference}"));
        }

        return new CrashReport(
            method, _runs, _kills, _halfWritten, _notRenamed, _halfDeleted, _lostSteps, _lostCheckpoints, _differences);
    }

    private int Life(Victim victim, string run, Random random, int kills)
    {
        var moments = Moments;
        var killed = 0;
        var newest = 0L;
        while (killed < kills)
        {
            var moment = moments[random.Next(moments.Length)];
            if (!victim.Kill(moment, random))
            {
                return killed; // it was at its end
            }

            killed++;
            _kills[moment.ToString()] = _kills.GetValueOrDefault(moment.ToString()) + 1;
            newest = Look(run, newest);
        }

        victim.Finish();
        return killed;
    }

    /// <summary>What is on disk after a kill.</summary>
    /// <param name="run">The run's folder.</param>
    /// <param name="newestBefore">The newest checkpoint's step before.</param>
    /// <returns>The newest checkpoint's step.</returns>
    private long Look(string run, long newestBefore)
    {
        var checkpoints = Path.Combine(run, "checkpoints");
        var store = new CheckpointStore(checkpoints);
        foreach (var unfinished in store.Unfinished)
        {
            _ = File.Exists(Path.Combine(unfinished, CheckpointManifest.FileName)) ? _notRenamed++ : _halfWritten++;
        }

        _halfDeleted += Directory.Exists(checkpoints) ? Directory.GetDirectories(checkpoints, "*" + CheckpointName.Doomed).Length : 0;
        var newest = 0L;
        foreach (var path in store.Paths)
        {
            try
            {
                newest = CheckpointStore.Verify(path).Step;
            }
            catch (CheckpointException)
            {
                _lostCheckpoints++;
            }
        }

        _lostCheckpoints += newest < newestBefore ? 1 : 0;
        _lostSteps += Math.Max(0, LastStep(Path.Combine(run, "metrics.jsonl")) - newest);
        return newest;
    }

    private static long LastStep(string metrics)
    {
        if (!File.Exists(metrics))
        {
            return 0;
        }

        foreach (var line in File.ReadLines(metrics).Reverse())
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                return json.RootElement.GetProperty("step").GetInt64();
            }
            catch (JsonException)
            {
                // The line before a kill may be half.
            }
        }

        return 0;
    }
}
