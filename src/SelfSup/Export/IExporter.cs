using SelfSup.Models;

namespace SelfSup.Export;

/// <summary>Writes a trained network in a format that others read.</summary>
internal interface IExporter
{
    /// <summary>Writes it.</summary>
    /// <param name="encoder">The network, on any device; it is not changed.</param>
    /// <param name="card">What the file says of it.</param>
    /// <param name="destination">Where to; it stays open.</param>
    void Write(Encoder encoder, ModelCard card, Stream destination);
}
