using static TorchSharp.torch;

namespace SelfSup.Negatives;

/// <summary>Slots that were drawn for images, as the bank that drew them wants them back.</summary>
/// <param name="Own">The row of each image's own slot, int64 [Q]; -1 where another rank has it.</param>
/// <param name="Negatives">The rows of those that were drawn, int64 [Q, L]; -1 where there are no more.</param>
/// <param name="Count">K, how many were drawn for each image over all ranks.</param>
public sealed record BankDraw(Tensor Own, Tensor Negatives, int Count);
