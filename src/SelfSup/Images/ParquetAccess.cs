using System.Numerics;

using Microsoft.Win32.SafeHandles;

using Parquet;
using Parquet.Schema;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>How Parquet files are read by Parquet.Net: guarded from what it does with damaged ones, and with nulls in their rows.</summary>
internal static class ParquetAccess
{
    /// <summary>Reads the file for one piece of work of Parquet.Net, which is also given the footer.</summary>
    public static T Read<T>(OpenedFile file, Func<ParquetReader, byte[], Task<T>> work)
    {
        // Nothing is awaited for long: the stream is synchronous, so all of it happens on this thread.
        return Read(file, handle => Run(handle).GetAwaiter().GetResult());

        async Task<T> Run(SafeFileHandle handle)
        {
            await using var stream = new StrictFile(handle);
            var footer = ParquetFooter.Check(stream);
            await using var reader = await ParquetReader.CreateAsync(stream, leaveStreamOpen: true);
            return await work(reader, footer);
        }
    }

    /// <summary>Says of everything that goes wrong which file it is.</summary>
    public static T Read<T>(OpenedFile file, Func<SafeFileHandle, T> work) => file.Read(handle =>
    {
        try
        {
            return work(handle);
        }
        catch (Exception e) when (LostFile.IsIt(e))
        {
            throw LostFile.Unreadable(file.Path, e);
        }
        catch (Exception e) when (e is not (DataException or OutOfMemoryException))
        {
            // The library says of damaged bytes whatever it happens to stumble over, from EndOfStream to
            // NullReference.
            throw new DataException(
                $"{file.Path}: not a Parquet file, a truncated or a damaged one ({OneLine(e.Message)}); get it again", e);
        }
    });

    /// <summary>
    /// An open file, from its beginning, at whose end a single byte cannot be asked for. Parquet.Net reads page headers byte
    /// by byte and takes the -1 after the last one for a number that goes on.
    /// </summary>
    private sealed class StrictFile(SafeFileHandle file)
        : FileStream(new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false), FileAccess.Read)
    {
        public override int ReadByte() =>
            base.ReadByte() is >= 0 and var value ? value : throw new EndOfStreamException("a page is cut off");
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ").Trim().TrimEnd('.');

    /// <summary>
    /// Reads a column by the raw interface, which hands out the values that are there and, for every row, how much of
    /// its path is defined. The typed interface takes a null struct for a value and moves all later rows up by one,
    /// so that images would meet the labels of their neighbours.
    /// </summary>
    public static async Task<T?[]> ReadColumn<T>(ParquetRowGroupReader rows, DataField field, int count)
        where T : struct
    {
        var values = new T[count];
        var levels = field.MaxDefinitionLevel == 0 ? null : new int[count];
        await rows.ReadRawAsync<T>(field, values, levels is null ? (Memory<int>?)null : levels, null);
        var column = new T?[count];
        var next = 0;
        for (var row = 0; row < count; row++)
        {
            if (levels is null || levels[row] == field.MaxDefinitionLevel)
            {
                column[row] = values[next++];
            }
        }

        return column;
    }

    /// <summary>Reads a column of whole numbers of any type; null where there is none.</summary>
    public static async Task<long?[]> ReadIntegers(ParquetRowGroupReader rows, DataField field, int count)
    {
        return field.ClrType switch
        {
            var type when type == typeof(sbyte) => await Read<sbyte>(),
            var type when type == typeof(byte) => await Read<byte>(),
            var type when type == typeof(short) => await Read<short>(),
            var type when type == typeof(ushort) => await Read<ushort>(),
            var type when type == typeof(int) => await Read<int>(),
            var type when type == typeof(uint) => await Read<uint>(),
            var type when type == typeof(ulong) => await Read<ulong>(),
            _ => await Read<long>(),
        };

        async Task<long?[]> Read<T>()
            where T : struct, IBinaryInteger<T> =>
            Array.ConvertAll(
                await ReadColumn<T>(rows, field, count),
                value => value is { } number ? long.CreateSaturating(number) : (long?)null);
    }
}
