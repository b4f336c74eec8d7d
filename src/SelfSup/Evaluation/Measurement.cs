namespace SelfSup.Evaluation;

/// <summary>A number that an evaluation found.</summary>
/// <param name="Name">What was measured, camelCase with dots: <c>knn.top1</c>.</param>
/// <param name="Value">The number; accuracies lie in 0 .. 1.</param>
internal sealed record Measurement(string Name, double Value);
