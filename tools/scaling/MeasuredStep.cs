using System.Text.Json;

using SelfSup.Errors;

namespace SelfSup.Tools.Scaling;

/// <summary>
/// The parts of a step as <c>selfsup profile --json</c> writes them. Read are <c>batchSize</c> (images of all ranks),
/// <c>ranks.ranks</c> where they are several, <c>threads</c>, <c>parts.*.milliseconds</c> and <c>memory.gradients</c> (bytes).
/// </summary>
/// <param name="Images">Of one rank.</param>
/// <param name="Threads">Of one rank.</param>
/// <param name="GradientBytes">Averaged in a step.</param>
/// <param name="Milliseconds">By part.</param>
internal sealed record MeasuredStep(double Images, int Threads, double GradientBytes, IReadOnlyDictionary<string, double> Milliseconds)
{
    /// <summary>Of the whole step.</summary>
    public double Total => Milliseconds.Values.Sum();

    /// <summary>Reads a file.</summary>
    /// <exception cref="RecipeException">It is none.</exception>
    public static MeasuredStep Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(path));
            var root = json.RootElement;
            return new MeasuredStep(
                root.GetProperty("batchSize").GetDouble() / (root.TryGetProperty("ranks", out var ranks) ? ranks.GetProperty("ranks").GetInt32() : 1),
                root.GetProperty("threads").GetInt32(),
                root.GetProperty("memory").GetProperty("gradients").GetDouble(),
                root.GetProperty("parts").EnumerateObject().ToDictionary(part => part.Name, part => part.Value.GetProperty("milliseconds").GetDouble()));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new RecipeException($"{path}: is not what selfsup profile --json writes ({e.Message})");
        }
    }

    /// <summary>Milliseconds of a part; 0 where there is none.</summary>
    public double this[string part] => Milliseconds.GetValueOrDefault(part);
}
