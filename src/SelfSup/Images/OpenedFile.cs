using Microsoft.Win32.SafeHandles;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>
/// A file that is kept open, and of which nothing is believed any more once it has been written to. What its path leads to
/// later does not matter: a file that is replaced or whose folder is gone stays readable where the system allows it. Where
/// it does not, as after a network path was away, the file is opened again if it is the same. Several threads may read at
/// once.
/// </summary>
internal sealed class OpenedFile : IDisposable
{
    private readonly FileStamp _stamp;
    private readonly List<SafeFileHandle> _stale = []; // others may still be reading from them
    private volatile SafeFileHandle _file;
    private volatile bool _isFailing;

    private OpenedFile(string path, SafeFileHandle file, FileStamp stamp) => (Path, _file, _stamp) = (path, file, stamp);

    public string Path { get; }

    /// <summary>Bytes, as long as it is what was opened.</summary>
    public long Length => _stamp.Length;

    /// <exception cref="DataException">It cannot be read.</exception>
    public static OpenedFile Open(string path)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path);
            return new OpenedFile(path, file, FileStamp.Of(file));
        }
        catch (Exception e) when (LostFile.IsIt(e))
        {
            file?.Dispose();
            throw LostFile.Unreadable(path, e);
        }
    }

    /// <summary>Reads, and makes sure that what was read is of the file as it was opened.</summary>
    /// <param name="read">Says of what it cannot read, in a <see cref="DataException"/>, which file it is.</param>
    /// <exception cref="DataException">What <paramref name="read"/> threw, or the file has changed.</exception>
    public T Read<T>(Func<SafeFileHandle, T> read)
    {
        if (_isFailing)
        {
            OpenAgain();
        }

        var file = _file;
        try
        {
            var result = Read(file, read);
            _isFailing = false;
            return result;
        }
        catch (DataException e) when (e.IsSourceLost)
        {
            _isFailing = true;
            throw;
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _stale.ForEach(file => file.Dispose());
    }

    private T Read<T>(SafeFileHandle file, Func<SafeFileHandle, T> read)
    {
        T result;
        try
        {
            result = read(file);
        }
        catch (DataException e) when (!e.IsSourceLost)
        {
            RequireUnchanged(file); // where it has changed, that is what is wrong
            throw;
        }

        // Enough after the reading: a file that changed before it stays changed.
        RequireUnchanged(file);
        return result;
    }

    private void OpenAgain()
    {
        lock (_stale)
        {
            SafeFileHandle? file = null;
            try
            {
                file = _isFailing ? File.OpenHandle(Path) : null;
                if (file is not null && FileStamp.Of(file) == _stamp)
                {
                    _stale.Add(_file);
                    (_file, file, _isFailing) = (file, null, false);
                }
            }
            catch (Exception e) when (LostFile.IsIt(e))
            {
                // The reading says what is wrong.
            }
            finally
            {
                file?.Dispose();
            }
        }
    }

    private void RequireUnchanged(SafeFileHandle file)
    {
        FileStamp now;
        try
        {
            now = FileStamp.Of(file);
        }
        catch (Exception e) when (LostFile.IsIt(e))
        {
            throw LostFile.Unreadable(Path, e);
        }

        if (now != _stamp)
        {
            throw LostFile.Changed(Path, _stamp, now);
        }
    }
}
