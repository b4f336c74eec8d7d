using SelfSup.Models;

namespace SelfSup.Search;

/// <summary>A copy of the encoder on a device.</summary>
/// <param name="Encoder">The copy; borrowed.</param>
/// <param name="Compute">Where it is, and how it computes.</param>
/// <param name="Threads">CPU threads of its own.</param>
internal sealed record EmbedDevice(Encoder Encoder, Compute Compute, int Threads);
