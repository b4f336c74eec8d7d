namespace SelfSup.Tools.Scaling.Model;

/// <summary>Gradients that backward completes together, and that are then summed over ranks beside the rest of it.</summary>
/// <param name="Stage">The part of the network.</param>
/// <param name="Parameters">How many.</param>
/// <param name="BackwardShare">Of backward's time; those of a network add up to 1.</param>
internal sealed record GradientSegment(string Stage, double Parameters, double BackwardShare);
