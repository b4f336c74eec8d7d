using System.Globalization;

using SelfSup.Errors;

namespace SelfSup.Hosting.Supervision;

/// <summary>Where the ranks of a run on this machine compute: <c>--devices</c>.</summary>
/// <param name="Gpus">The GPU of each rank by its number; for ranks on the CPU null.</param>
/// <param name="Ranks">R.</param>
internal sealed record RankDevices(IReadOnlyList<int>? Gpus, int Ranks)
{
    /// <summary>The option.</summary>
    public const string Option = "--devices";

    private const string Cpu = "cpu";
    private const string Form = "must be GPUs by their numbers (0,1,2,3), all, or a number of ranks on the CPU (cpu:4)";

    /// <summary>Reads what stands behind the option.</summary>
    /// <param name="text">What stands there.</param>
    /// <param name="gpus">How many GPUs this machine has, or lets be seen.</param>
    /// <exception cref="RecipeException">It says no devices.</exception>
    public static RankDevices Parse(string text, Func<int> gpus)
    {
        var words = text.Split(',', StringSplitOptions.TrimEntries);
        if (text.Trim().Length == 0)
        {
            throw new RecipeException($"{Option}: is empty, {Form}");
        }

        if (text.Trim() is "all")
        {
            return gpus() is > 0 and var all
                ? new RankDevices([.. Enumerable.Range(0, all)], all)
                : throw new RecipeException($"{Option} all: no GPU is seen here (/dev/nvidia0, CUDA_VISIBLE_DEVICES); say {Cpu}:2 for two ranks on the CPU");
        }

        if (words is [var single] && single.StartsWith(Cpu, StringComparison.Ordinal))
        {
            var count = single == Cpu ? 1 : single[Cpu.Length] == ':' ? Number(single[(Cpu.Length + 1)..]) : null;
            return count is > 0 and var ranks
                ? new RankDevices(null, ranks)
                : throw new RecipeException($"{Option} {text}: {(count == 0 ? "is no rank" : "is no number of ranks")}, {Form}");
        }

        var found = new List<int>();
        foreach (var word in words)
        {
            if (Number(word) is not { } gpu)
            {
                throw new RecipeException($"{Option} {text}: '{word}' is no GPU, {Form}");
            }

            if (found.Contains(gpu))
            {
                throw new RecipeException($"{Option} {text}: {gpu} is named twice; give every GPU one rank");
            }

            found.Add(gpu);
        }

        var last = gpus();
        return found.Find(gpu => gpu >= last) is var beyond && found.Any(gpu => gpu >= last)
            ? throw new RecipeException(
                $"{Option} {text}: there is no GPU {beyond} here, {(last == 0 ? "there is none at all" : $"they are 0 to {last - 1}")} (/dev/nvidia0, CUDA_VISIBLE_DEVICES)")
            : new RankDevices(found, found.Count);
    }

    /// <summary>How many GPUs there are, without libtorch, which a supervisor does not load.</summary>
    /// <param name="visible"><c>CUDA_VISIBLE_DEVICES</c>, or null.</param>
    /// <param name="devices">The folder of device files.</param>
    public static int CountGpus(string? visible, string devices = "/dev")
    {
        if (visible is not null)
        {
            // Numbers or names (GPU-..., MIG-...); the first that is neither hides those behind it, as CUDA has it.
            return visible.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .TakeWhile(name => Number(name) is not null || name.StartsWith("GPU-", StringComparison.Ordinal) || name.StartsWith("MIG-", StringComparison.Ordinal))
                .Count();
        }

        const string Prefix = "nvidia";
        return Directory.Exists(devices)
            ? Directory.EnumerateFileSystemEntries(devices, Prefix + "*").Count(path => Number(Path.GetFileName(path)[Prefix.Length..]) is not null)
            : 0;
    }

    /// <summary>Fails where a batch cannot be shared equally.</summary>
    /// <param name="globalBatch">Images in a step, over all ranks.</param>
    /// <exception cref="RecipeException">It cannot.</exception>
    public void RequireShares(int globalBatch)
    {
        if (globalBatch % Ranks != 0)
        {
            var below = globalBatch / Ranks * Ranks;
            var nearest = below == 0 ? $"{Ranks}" : $"{below} or {below + Ranks}";
            throw new RecipeException(
                $"training.globalBatchSize: {globalBatch} cannot be shared by {Ranks} ranks ({Option}), must be divisible by {Ranks}; set {nearest}");
        }
    }

    /// <summary>The devices of a run that goes on without one of its ranks.</summary>
    /// <param name="lost">The rank that was lost; on a CPU it does not matter which.</param>
    /// <param name="least">How many ranks there must be.</param>
    /// <param name="globalBatch">Images in a step, which stay the same.</param>
    /// <returns>The most that are left and share the batch equally, or null where there are none.</returns>
    public RankDevices? Without(int lost, int least, int globalBatch)
    {
        for (var ranks = Ranks - 1; ranks >= Math.Max(1, least); ranks--)
        {
            if (globalBatch % ranks == 0)
            {
                return new RankDevices(Gpus is null ? null : [.. Gpus.Where((_, rank) => rank != lost).Take(ranks)], ranks);
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public override string ToString() => Gpus is null
        ? $"{Cpu}:{Ranks.ToString(CultureInfo.InvariantCulture)}"
        : string.Join(',', Gpus.Select(gpu => gpu.ToString(CultureInfo.InvariantCulture)));

    private static int? Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
