using static TorchSharp.torch;

namespace SelfSup.Checkpoints;

/// <summary>A rank's rows of a tensor that no rank has all of.</summary>
/// <param name="Rows">A copy of them, [rows, ...].</param>
/// <param name="FirstRow">Where in the whole tensor they begin.</param>
/// <param name="AllRows">How many rows the whole tensor has.</param>
internal sealed record Shard(Tensor Rows, long FirstRow, long AllRows);

/// <summary>What a manifest says of rows in a file.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="FirstRow">Where in the whole tensor the file's rows begin.</param>
/// <param name="Rows">How many there are.</param>
/// <param name="AllRows">How many rows the whole tensor has.</param>
internal sealed record ShardRows(string Name, long FirstRow, long Rows, long AllRows);
