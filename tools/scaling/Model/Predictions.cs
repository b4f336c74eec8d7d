using System.Globalization;
using System.Text;

namespace SelfSup.Tools.Scaling.Model;

/// <summary>The tables of docs/scaling.md.</summary>
internal static class Predictions
{
    private const double SimClrBatch = 4096;
    private const double MoCoBatchOfRank = 256;

    private static readonly int[] _ranks = [8, 64, 512];

    /// <summary>All of them, as Markdown.</summary>
    public static string Markdown()
    {
        var text = new StringBuilder();
        Constants(text);
        text.Append('\n');
        Steps(text, "SimCLR, ResNet-50, global batch 4,096", Published.SimClr, _ => SimClrBatch);
        text.Append('\n');
        Steps(text, "MoCo v2, ResNet-50, 256 images a GPU", Published.MoCo, ranks => MoCoBatchOfRank * ranks);
        text.Append('\n');
        Changes(text, "SimCLR on 512 GPUs, changed", SimClrChanges());
        text.Append('\n');
        Changes(text, "MoCo v2 on 512 GPUs, changed", MoCoChanges());
        return text.ToString();
    }

    /// <summary>Images a second by what ranks would make without one another, each the same batch on its own.</summary>
    public static double Efficiency(Cluster cluster, Workload workload, double images, int ranks) =>
        StepModel.Predict(cluster, workload with { Shuffle = Shuffle.None }, images / ranks, 1).Total
        / StepModel.Predict(cluster, workload, images, ranks).Total;

    private static void Constants(StringBuilder text)
    {
        text.Append("| | constant | value | source |\n|---|---|---|---|\n");
        foreach (var constant in Published.All)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {constant.Symbol} | {constant.Meaning} | {constant.Value:#,0.##} {constant.Unit} | {constant.Source} |\n");
        }
    }

    private static void Steps(StringBuilder text, string title, Workload workload, Func<int, double> batch)
    {
        text.Append(CultureInfo.InvariantCulture, $"**{title}** (times in ms)\n\n");
        text.Append("| | ").AppendJoin(" | ", _ranks.Select(r => $"{r} GPUs")).Append(" |\n|---|").Insert(text.Length, "---:|", _ranks.Length).Append('\n');
        var steps = _ranks.Select(ranks => StepModel.Predict(Published.Cluster, workload, batch(ranks), ranks)).ToArray();
        Row("images a GPU", i => (batch(_ranks[i]) / _ranks[i]).ToString("#,0", CultureInfo.InvariantCulture));
        Row("forward and backward", i => Time(steps[i].Compute));
        Row("images to the GPU", i => Time(steps[i].Transfer));
        if (workload.SyncedNorms > 0)
        {
            Row("statistics of normalisation", i => Time(steps[i].Norms));
        }

        Row(workload.Shuffle == Shuffle.None ? "gathers" : "gathers and shuffled images", i => Time(steps[i].Gathers));
        Row("loss", i => Time(steps[i].Loss));
        Row("all-reduce, not hidden (whole)", i => $"{Time(steps[i].ExposedAllReduce)} ({Time(WholeAllReduce(workload, _ranks[i]))})");
        Row("optimizer", i => Time(steps[i].Optimizer));
        Row("stragglers", i => Time(steps[i].Stragglers));
        Row("waiting for the loader", i => Time(steps[i].Loader));
        Row("checkpoints, a step's share", i => Time(steps[i].Checkpoint));
        Row("**step**", i => $"**{Time(steps[i].Total)}**");
        Row("images/s", i => (batch(_ranks[i]) / steps[i].Total).ToString("#,0", CultureInfo.InvariantCulture));
        Row("of GPUs on their own with as many images", i => Efficiency(Published.Cluster, workload, batch(_ranks[i]), _ranks[i]).ToString("0 %", CultureInfo.InvariantCulture));
        Row("of GPUs that are always full", i => Utilisation(workload, batch(_ranks[i]), _ranks[i], steps[i]).ToString("0 %", CultureInfo.InvariantCulture));

        void Row(string name, Func<int, string> value) =>
            text.Append(CultureInfo.InvariantCulture, $"| {name} | ").AppendJoin(" | ", Enumerable.Range(0, _ranks.Length).Select(value)).Append(" |\n");
    }

    private static void Changes(StringBuilder text, string title, IEnumerable<(string Name, Cluster Cluster, Workload Workload, double Images)> changes)
    {
        text.Append(CultureInfo.InvariantCulture, $"**{title}**\n\n| | step, ms | images/s | of full GPUs |\n|---|---:|---:|---:|\n");
        foreach (var (name, cluster, workload, images) in changes)
        {
            var step = StepModel.Predict(cluster, workload, images, 512);
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {name} | {Time(step.Total)} | {images / step.Total:#,0} | {Utilisation(workload, images, 512, step):0 %} |\n");
        }
    }

    private static IEnumerable<(string, Cluster, Workload, double)> SimClrChanges()
    {
        var (cluster, workload) = (Published.Cluster, Published.SimClr);
        yield return ("as above", cluster, workload, SimClrBatch);
        yield return ("gradients sent as bfloat16", cluster, workload with { GradientBytes = 2 }, SimClrBatch);
        yield return ("statistics over a node only", cluster, workload with { NormRanks = cluster.Network.RanksPerNode }, SimClrBatch);
        yield return ("operations started as one (CUDA graphs)", cluster with { LaunchFloor = 0 }, workload, SimClrBatch);
        yield return ("both", cluster with { LaunchFloor = 0 }, workload with { NormRanks = cluster.Network.RanksPerNode }, SimClrBatch);
        yield return ("batch 32,768 with LARS", cluster, workload, 32_768);
        yield return ("batch 32,768, statistics over a node", cluster, workload with { NormRanks = cluster.Network.RanksPerNode }, 32_768);
        yield return ("and bfloat16 views to the GPU", cluster, workload with { NormRanks = cluster.Network.RanksPerNode, ViewBytes = workload.ViewBytes / 2 }, 32_768);
    }

    private static IEnumerable<(string, Cluster, Workload, double)> MoCoChanges()
    {
        var (cluster, workload) = (Published.Cluster, Published.MoCo);
        const double Images = 512 * MoCoBatchOfRank;
        yield return ("as above", cluster, workload, Images);
        yield return ("shuffled images gathered as bytes", cluster, workload with { ShuffleBytes = workload.ViewBytes / 4 }, Images);
        yield return ("each image sent where it belongs", cluster, workload with { Shuffle = Shuffle.Exchanged }, Images);
        yield return ("the same, as bytes", cluster, workload with { Shuffle = Shuffle.Exchanged, ShuffleBytes = workload.ViewBytes / 4 }, Images);
        yield return ("loaded where they belong, nothing is sent", cluster, workload with { Shuffle = Shuffle.Loaded }, Images);
        yield return ("and gradients sent as bfloat16", cluster, workload with { Shuffle = Shuffle.Loaded, GradientBytes = 2 }, Images);
    }

    private static double WholeAllReduce(Workload workload, int ranks) =>
        workload.Segments.Sum(segment => Published.Cluster.Network.AllReduce(segment.Parameters * workload.GradientBytes, ranks));

    /// <summary>The time that views need on GPUs that are full, by the step's.</summary>
    private static double Utilisation(Workload workload, double images, int ranks, StepTime step) =>
        images / ranks * (workload.LearnedViews + (workload.KeyViews / 3.0)) / Published.Cluster.ViewsPerSecond / step.Total;

    private static string Time(double seconds) => (1e3 * seconds) switch
    {
        0 => "0",
        < 0.1 => (1e3 * seconds).ToString("0.00", CultureInfo.InvariantCulture),
        < 100 => (1e3 * seconds).ToString("0.0", CultureInfo.InvariantCulture),
        _ => (1e3 * seconds).ToString("#,0", CultureInfo.InvariantCulture),
    };
}
