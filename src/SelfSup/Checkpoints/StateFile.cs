using System.IO.Hashing;
using System.Security.Cryptography;

using SelfSup.Errors;
using SelfSup.Tensors;

namespace SelfSup.Checkpoints;

/// <summary>
/// A file of state within a checkpoint, safetensors with a checksum that the manifest states. XXH128 guards against disks and
/// networks, not against people, and takes a twentieth of the time of SHA-256: it is taken while the file is written or read.
/// </summary>
internal static class StateFile
{
    /// <summary>Writes a file and forces it to disk.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static CheckpointFile Write(string path, StateArchive state) => Write(path, state.Entries);

    /// <summary>Writes the rows that a rank has, and forces them to disk.</summary>
    /// <exception cref="IOException">They cannot be written.</exception>
    public static CheckpointFile WriteShards(string path, StateArchive state) =>
        Write(path, state.Shards.Select(shard => KeyValuePair.Create(shard.Key, shard.Value.Rows))) with
        {
            Shards =
            [
                .. from shard in state.Shards
                   orderby shard.Key
                   select new ShardRows(shard.Key, shard.Value.FirstRow, shard.Value.Rows.shape[0], shard.Value.AllRows),
            ],
        };

    private static CheckpointFile Write(string path, IEnumerable<KeyValuePair<string, TorchSharp.torch.Tensor>> tensors)
    {
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        var hash = new XxHash128();
        using (var hashing = new HashingStream(file, hash))
        {
            SafeTensors.Write(hashing, tensors, new Dictionary<string, string> { ["format"] = "pt" });
        }

        DurableFile.Flush(file);
        return new CheckpointFile(Path.GetFileName(path), file.Length, Text(hash));
    }

    /// <summary>Reads a file from the disk again, not from memory, and compares it with what its manifest states.</summary>
    /// <exception cref="CheckpointException">It is damaged.</exception>
    public static void Verify(string path, CheckpointFile expected) => Guard(path, () =>
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        RequireLength(path, file.Length, expected);
        DurableFile.Forget(file.SafeFileHandle);
        if (expected.Xxh128 is null)
        {
            RequireEqual(path, Convert.ToHexStringLower(SHA256.HashData(file)), expected.Sha256);
            return;
        }

        var hash = new XxHash128();
        hash.Append(file);
        RequireEqual(path, Text(hash), expected.Xxh128);
    });

    /// <summary>Reads a file and checks it.</summary>
    /// <exception cref="CheckpointException">It is damaged.</exception>
    public static StateArchive Read(string path, CheckpointFile expected) => Read(path, expected, ShardFiles.None);

    /// <summary>Reads a file and checks it, and puts the ranks' parts beside it.</summary>
    /// <exception cref="CheckpointException">It is damaged.</exception>
    public static StateArchive Read(string path, CheckpointFile expected, ShardFiles shards)
    {
        Guard(path, () => RequireLength(path, new FileInfo(path).Length, expected));
        if (expected.Xxh128 is null)
        {
            Verify(path, expected);
        }

        var hash = new XxHash128();
        Dictionary<string, TorchSharp.torch.Tensor> tensors;
        try
        {
            tensors = SafeTensors.Read(path, out _, hash);
        }
        catch (CheckpointException e)
        {
            throw new CheckpointException($"{path}: the checkpoint is damaged ({e.Message})", e);
        }

        var state = StateArchive.Loading(tensors, path, shards);
        try
        {
            if (expected.Xxh128 is not null)
            {
                RequireEqual(path, Text(hash), expected.Xxh128);
            }

            return state;
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    private static string Text(XxHash128 hash) => Convert.ToHexStringLower(hash.GetCurrentHash());

    private static void RequireLength(string path, long bytes, CheckpointFile expected)
    {
        if (bytes != expected.Bytes)
        {
            throw new CheckpointException($"{path}: the checkpoint is damaged: {bytes} bytes, its manifest says {expected.Bytes}");
        }
    }

    private static void RequireEqual(string path, string found, string? expected)
    {
        if (found != expected)
        {
            throw new CheckpointException($"{path}: the checkpoint is damaged: its checksum is not the one in its manifest");
        }
    }

    private static void Guard(string path, Action check)
    {
        try
        {
            check();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path}: the checkpoint is damaged ({e.Message})", e);
        }
    }
}
