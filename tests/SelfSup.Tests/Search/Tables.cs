using Parquet;
using Parquet.Schema;

using SelfSup.Datasets;
using SelfSup.Evaluation;
using SelfSup.Randomness;
using SelfSup.Search;
using SelfSup.Tensors;

namespace SelfSup.Tests.Search;

/// <summary>Files of embeddings that tests make.</summary>
internal static class Tables
{
    public static EmbeddingFacts Facts(int width, string weights = "0123456789abcdef") => new()
    {
        Network = Network(weights),
        Of = Representation.Features,
        Dimension = width,
        UnitLength = false,
        Views = 1,
        Precision = Precision.Float32,
        MaxPixels = 1000,
        Images = "/images",
        Fingerprint = "f",
    };

    public static EmbeddingNetwork Network(string weights = "0123456789abcdef") =>
        new(new Dictionary<string, string> { ["selfsup.method"] = "simclr" }, weights, "/runs/x");

    /// <summary>Random rows.</summary>
    public static float[][] Random(int rows, int width, int seed = 1)
    {
        var random = new CounterRandom((ulong)seed, RandomPurpose.Selection);
        var all = new float[rows][];
        for (var row = 0; row < rows; row++)
        {
            all[row] = new float[width];
            for (var i = 0; i < width; i++)
            {
                all[row][i] = (float)random.Uniform(-1, 1);
            }
        }

        return all;
    }

    /// <summary>Writes rows as selfsup embed does, so many in a row group.</summary>
    public static void Write(
        string path, float[][] rows, int groupRows = 7, bool isHalf = false, IReadOnlyList<string>? classes = null, string weights = "0123456789abcdef", int firstId = 0,
        Func<EmbeddingFacts, EmbeddingFacts>? with = null, Action<Dictionary<string, string>>? change = null)
    {
        var width = rows[0].Length;
        var facts = Facts(width, weights);
        var metadata = new Dictionary<string, string>((with?.Invoke(facts) ?? facts).Metadata());
        change?.Invoke(metadata);
        var shard = new EmbeddingShard(path, new EmbeddingLayout(width, isHalf, classes ?? []), metadata);
        ShardState? state = null;
        for (var first = 0; first < rows.Length; first += groupRows)
        {
            var group = new EmbeddingRows(width, groupRows);
            for (var row = first; row < Math.Min(rows.Length, first + groupRows); row++)
            {
                group.Add(firstId + row, Name(firstId + row), classes is null ? -1 : (row % (classes.Count + 1)) - 1, rows[row]);
            }

            state = shard.Append(group, state);
        }
    }

    public static string Name(int row) => $"ä/{row:D3} <b>.png";

    /// <summary>Writes rows as another program would, with nulls where there is no row.</summary>
    public static async Task WriteForeign(string path, float?[]?[] rows, string column = "embedding", string id = "id")
    {
        var element = new DataField("element", typeof(float), isNullable: true);
        var number = new DataField<int>(id);
        var schema = new ParquetSchema(number, new ListField(column, element));
        await using var file = File.Create(path);
        await using var writer = await ParquetWriter.CreateAsync(schema, file);
        using var group = writer.CreateRowGroup();
        await group.WriteAsync<int>(number, Enumerable.Range(0, rows.Length).ToArray());
        List<float> values = [];
        List<int> definitions = [];
        List<int> repetitions = [];
        foreach (var row in rows)
        {
            if (row is null or [])
            {
                definitions.Add(row is null ? 0 : 1);
                repetitions.Add(0);
                continue;
            }

            for (var i = 0; i < row.Length; i++)
            {
                definitions.Add(row[i] is null ? 2 : 3);
                repetitions.Add(i == 0 ? 0 : 1);
                if (row[i] is { } value)
                {
                    values.Add(value);
                }
            }
        }

        await group.WriteAllPartsAsync<float>(element, values.ToArray(), definitions.ToArray(), repetitions.ToArray(), default);
    }
}
