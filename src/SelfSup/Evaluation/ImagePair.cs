namespace SelfSup.Evaluation;

/// <summary>Two images that are compared.</summary>
/// <param name="First">Its row among the features.</param>
/// <param name="Second">The other's.</param>
/// <param name="IsSame">Whether they show the same.</param>
/// <param name="Fold">Which part of the protocol it belongs to, from 0.</param>
internal readonly record struct ImagePair(int First, int Second, bool IsSame, int Fold);

/// <summary>The pairs of a verification, and what a reader of its result must know of them.</summary>
internal sealed record ImagePairs(IReadOnlyList<ImagePair> Pairs, IReadOnlyList<string> Notes);
