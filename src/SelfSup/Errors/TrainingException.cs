namespace SelfSup.Errors;

/// <summary>The run itself went wrong: a loss that is not finite, a full disk (exit code 5).</summary>
public sealed class TrainingException(string message, Exception? cause = null) : SelfSupException(message, 5, cause);
