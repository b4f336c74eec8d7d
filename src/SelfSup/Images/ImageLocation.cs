namespace SelfSup.Images;

/// <summary>Where an image is, for messages: put into words only when a message needs it.</summary>
internal readonly struct ImageLocation
{
    private readonly IImageSource? _source;
    private readonly int _index;
    private readonly string _words;

    /// <summary>An image of a source.</summary>
    public ImageLocation(IImageSource source, int index) => (_source, _index, _words) = (source, index, "");

    private ImageLocation(string words) => (_source, _words) = (null, words);

    public static implicit operator ImageLocation(string words) => new(words);

    /// <inheritdoc cref="IImageSource.Locate"/>
    public override string ToString() => _source?.Locate(_index) ?? _words;
}
