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

    /// <summary>Writes it to a place, and beside it the files that it needs more.</summary>
    /// <param name="encoder">The network, on any device; it is not changed.</param>
    /// <param name="card">What the file says of it.</param>
    /// <param name="path">The place.</param>
    /// <param name="write">Writes a file of a name by what writes its content.</param>
    void Write(Encoder encoder, ModelCard card, string path, Action<string, Action<Stream>> write) =>
        write(path, stream => Write(encoder, card, stream));
}
