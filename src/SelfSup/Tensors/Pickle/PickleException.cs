namespace SelfSup.Tensors.Pickle;

/// <summary>What is wrong with a pickle; who knows the file's name makes an error of it.</summary>
/// <param name="message">What it is.</param>
/// <param name="remedy">What to do; null where only another file helps.</param>
internal sealed class PickleException(string message, string? remedy = null) : Exception(message)
{
    /// <summary>What to do.</summary>
    public string Remedy { get; } = remedy ?? "take another file, it cannot be repaired";
}
