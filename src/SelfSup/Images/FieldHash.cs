using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace SelfSup.Images;

/// <summary>A SHA-256 over numbers and texts, each text with its length before it, so that no two lists look alike.</summary>
internal sealed class FieldHash : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _number = new byte[8];
    private byte[] _text = new byte[1024];

    public void Number(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_number, value);
        _hash.AppendData(_number);
    }

    public void Text(string value)
    {
        var most = Encoding.UTF8.GetMaxByteCount(value.Length);
        if (_text.Length < most)
        {
            _text = new byte[most];
        }

        var length = Encoding.UTF8.GetBytes(value, _text);
        Number(length);
        _hash.AppendData(_text.AsSpan(0, length));
    }

    /// <summary>Bytes, with their number before them.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        Number(value.Length);
        _hash.AppendData(value);
    }

    /// <summary>The hash of what came so far, in hexadecimal digits; then it begins anew.</summary>
    public string Finish() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();
}
