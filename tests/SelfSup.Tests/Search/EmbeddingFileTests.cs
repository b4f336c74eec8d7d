using System.Globalization;
using System.Text;

using Apache.Arrow.Ipc;
using Apache.Arrow.Types;

using DuckDB.NET.Data;

using Parquet;

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Search;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Search;

/// <summary>What files of embeddings hold, as we and others read them.</summary>
public sealed class EmbeddingFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(23, 5, false)]
    [InlineData(23, 5, true)]
    [InlineData(9, 700_000, false)] // a row is larger than a page
    public void WhatIsWrittenIsReadAgain(int rows, int width, bool isHalf)
    {
        var embeddings = Tables.Random(rows, width);
        Tables.Write(_folder.File("e.parquet"), embeddings, isHalf: isHalf, classes: ["cat", "dog"]);
        if (width > 1 << 16)
        {
            Assert.Contains("must have from 1 to 65,536", Refusal("e.parquet"), StringComparison.Ordinal);
            return;
        }

        using var table = EmbeddingTable.Open(_folder.File("e.parquet"));
        Assert.Equal((rows, width), (table.Rows, table.Width));
        Assert.Equal(Tables.Facts(width).Metadata(), table.Facts!.Metadata().Where(entry => entry.Key != ArrowSchema.Key));
        var read = new List<float>();
        foreach (var block in table.Blocks(10))
        {
            using (block)
            {
                Assert.Equal(read.Count / width, block.First);
                read.AddRange(block.Rows.data<float>().ToArray());
            }
        }

        Assert.Equal(embeddings.SelectMany(row => row).Select(value => isHalf ? (float)(Half)value : value), read);
        var images = table.Images(Enumerable.Range(0, rows).Select(row => (long)row));
        for (var row = 0; row < rows; row++)
        {
            var label = (row % 3) - 1;
            Assert.Equal(new EmbeddedImage(row, Tables.Name(row), label < 0 ? null : label, label < 0 ? null : new[] { "cat", "dog" }[label]), images[row]);
        }

        Assert.Equal(rows - 1, Assert.Single(table.Find(new HashSet<string> { Tables.Name(rows - 1), "elsewhere" }, image => image.Path)).Value);
        Assert.Empty(table.Find(new HashSet<long> { rows }, image => image.Id));
        Assert.Equal(read[^width..], table.Embedding(rows - 1));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void DuckDbReadsItWithTheRightTypes(bool isHalf)
    {
        var rows = Tables.Random(40, 12);
        Tables.Write(_folder.File("e-00000-of-00002.parquet"), rows[..25], isHalf: isHalf, classes: ["cat", "dog"]);
        Tables.Write(_folder.File("e-00001-of-00002.parquet"), rows[25..], isHalf: isHalf, classes: ["cat", "dog"], firstId: 25);
        var files = _folder.File("e-*.parquet");
        using var duck = new DuckDBConnection("DataSource=:memory:");
        duck.Open();
        Assert.Equal(
            "BIGINT|VARCHAR|BIGINT|VARCHAR|FLOAT[]|40|12|12|14",
            Row(duck, $"""
                select typeof(any_value(id)), typeof(any_value(path)), typeof(any_value(label)), typeof(any_value(class)), typeof(any_value(embedding)),
                count(*), min(len(embedding)), max(len(embedding)), count(*) - count(label) from '{files}'
                """));
        var sum = rows.Sum(row => (double)(isHalf ? (float)(Half)row[11] : row[11]));
        Assert.Equal(sum, double.Parse(Row(duck, $"select sum(embedding[12]::double) from '{files}'"), CultureInfo.InvariantCulture), 1e-9);
        Assert.Equal("39|ä/039 <b>.png|1|dog", Row(duck, $"select id, path, label, class from '{files}' where id = 39"));
        // What searches are written with: an array of fixed width.
        Assert.Equal("3|1", Row(duck, $"""
            select b.id, round(array_cosine_similarity(a.embedding::float[12], b.embedding::float[12]), 5) s
            from '{files}' a, '{files}' b where a.id = 3 order by s desc limit 1
            """));
        Assert.Equal("12", Row(duck, $"""
            select decode(value) from parquet_kv_metadata('{_folder.File("e-00000-of-00002.parquet")}') where decode(key) = 'selfsup.dimension'
            """));
        Assert.Equal(
            $"{(isHalf ? "FIXED_LEN_BYTE_ARRAY" : "FLOAT")}|{(isHalf ? "Float16Type()" : "")}",
            Row(duck, $"select type, logical_type from parquet_schema('{files}') where name = 'element' limit 1"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ArrowReadersAreToldOfListsOfFixedSize(bool isHalf)
    {
        Tables.Write(_folder.File("e.parquet"), Tables.Random(3, 12), isHalf: isHalf, classes: ["cat"]);
        await using var file = File.OpenRead(_folder.File("e.parquet"));
        await using var reader = await ParquetReader.CreateAsync(file, cancellationToken: TestContext.Current.CancellationToken);
        var message = Convert.FromBase64String(reader.CustomMetadata[ArrowSchema.Key]);
        using var stream = new ArrowStreamReader(new MemoryStream([.. message, 255, 255, 255, 255, 0, 0, 0, 0]));
        var schema = stream.Schema;
        Assert.Equal(["id", "path", "label", "class", "embedding"], schema.FieldsList.Select(field => field.Name));
        Assert.Equal([false, false, true, true, false], schema.FieldsList.Select(field => field.IsNullable));
        Assert.Equal(
            [ArrowTypeId.Int64, ArrowTypeId.String, ArrowTypeId.Int64, ArrowTypeId.String, ArrowTypeId.FixedSizeList],
            schema.FieldsList.Select(field => field.DataType.TypeId));
        var list = Assert.IsType<FixedSizeListType>(schema.FieldsList[4].DataType);
        Assert.Equal((12, isHalf ? ArrowTypeId.HalfFloat : ArrowTypeId.Float), (list.ListSize, list.ValueDataType.TypeId));
    }

    [Fact]
    public void WhatDuckDbWritesOfItIsReadToo()
    {
        var rows = Tables.Random(10, 4);
        Tables.Write(_folder.File("e.parquet"), rows, isHalf: true, classes: ["cat", "dog"]);
        using var duck = new DuckDBConnection("DataSource=:memory:");
        duck.Open();
        Row(duck, $"copy (select * from '{_folder.File("e.parquet")}' where id > 3 order by id desc) to '{_folder.File("d.parquet")}' (codec zstd)");
        using var table = EmbeddingTable.Open(_folder.File("d.parquet"));
        Assert.Equal(6, table.Rows);
        Assert.Null(table.Facts);
        Assert.Equal(new EmbeddedImage(9, Tables.Name(9), null, null), table.Images([0])[0]);
        Assert.Equal(rows[4].Select(value => (float)(Half)value), table.Embedding(5));
    }

    [Fact]
    public async Task AWrongFileIsRefusedByName()
    {
        Assert.Contains("holds no Parquet files", Refusal("."), StringComparison.Ordinal);
        _folder.Write("text.parquet", "no Parquet at all, but long enough");
        Assert.Contains("text.parquet: not a Parquet file", Refusal("text.parquet"), StringComparison.Ordinal);
        Assert.Contains("there is no folder", Refusal("nowhere/*.parquet"), StringComparison.Ordinal);
        await Tables.WriteForeign(_folder.File("other.parquet"), [[1, 2]], column: "vector");
        Assert.Contains(
            "other.parquet: has no column 'embedding' of lists of numbers, it has id (int32), vector/list/element (single)", Refusal("other.parquet"), StringComparison.Ordinal);
        await Tables.WriteForeign(_folder.File("other.parquet"), [[1, 2]], id: "key");
        Assert.Contains("has no column 'id' of whole numbers", Refusal("other.parquet"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a null list", "row 2: 'embedding' is null")]
    [InlineData("an empty list", "row 2: 'embedding' is null, empty")]
    [InlineData("a null in a list", "row 2: 'embedding' is null, empty or has a null in it")]
    [InlineData("a shorter list", "row 2: 'embedding' has 1 numbers, must have 2")]
    [InlineData("NaN", "row 2: 'embedding' has a number that is NaN")]
    [InlineData("infinity", "row 2: 'embedding' has a number that is NaN or infinite")]
    public async Task ARowThatIsNoEmbeddingIsRefusedByItsNumber(string what, string message)
    {
        float?[]? wrong = what switch
        {
            "a null list" => null,
            "an empty list" => [],
            "a null in a list" => [1, null],
            "a shorter list" => [1],
            "NaN" => [1, float.NaN],
            _ => [float.NegativeInfinity, 1],
        };
        // The same number of values in all, where there can be.
        await Tables.WriteForeign(_folder.File("e.parquet"), [[1, 2], [3, 4], wrong, what == "a shorter list" ? [5, 6, 7] : [5, 6]]);
        using var table = EmbeddingTable.Open(_folder.File("e.parquet"));
        var error = Assert.Throws<DataException>(() => table.Blocks(10).ToList());
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FilesThatCannotBeComparedAreRefused()
    {
        Tables.Write(_folder.File("a/1.parquet"[2..]), Tables.Random(3, 4));
        Tables.Write(_folder.File("2.parquet"), Tables.Random(3, 5));
        Assert.Contains("2.parquet: its embeddings have 5 numbers, those of", Refusal("."), StringComparison.Ordinal);
        Tables.Write(_folder.File("2.parquet"), Tables.Random(3, 4), weights: "another");
        Assert.Contains("2.parquet: is of another network", Refusal("."), StringComparison.Ordinal);
        Of("other images", facts => facts with { Fingerprint = "g" });
        Of("embeddings of the head", facts => facts with { Of = Representation.Embeddings });
        Of("2 views of each image", facts => facts with { Views = 2 });
        Of("unit length", facts => facts with { UnitLength = true });
        Tables.Write(_folder.File("2.parquet"), Tables.Random(3, 4));
        using var table = EmbeddingTable.Open(_folder.File("."));
        Assert.Equal(6, table.Rows);

        void Of(string what, Func<EmbeddingFacts, EmbeddingFacts> with)
        {
            Tables.Write(_folder.File("2.parquet"), Tables.Random(3, 4), with: with);
            Assert.Contains($"2.parquet: is of {what}, ", Refusal("."), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void FilesThatAreBeingMadeAreNotInAFolder()
    {
        Tables.Write(_folder.File("1.parquet"), Tables.Random(3, 4));
        Directory.CreateDirectory(_folder.File("2.parquet.partial"));
        Tables.Write(_folder.File("2.parquet.partial/shard-00000.parquet"), Tables.Random(3, 4));
        using var table = EmbeddingTable.Open(_folder.File("."));
        Assert.Equal(3, table.Rows);
    }

    [Theory]
    [InlineData("selfsup.views", "0", "a whole number from 1 to 256")]
    [InlineData("selfsup.views", "100000000", "a whole number from 1 to 256")]
    [InlineData("selfsup.precision", "7", "float32, bfloat16 or tf32")]
    [InlineData("selfsup.maxPixels", "x", "a whole number")]
    public void AFileThatSaysWhatCannotBeIsRefused(string key, string value, string must)
    {
        Tables.Write(_folder.File("e.parquet"), Tables.Random(3, 4), change: metadata => metadata[key] = value);
        Assert.Contains($"e.parquet: '{key}' in its metadata is '{value}', must be {must}", Refusal("e.parquet"), StringComparison.Ordinal);
        Tables.Write(_folder.File("e.parquet"), Tables.Random(3, 4), change: metadata => metadata.Remove(key));
        Assert.Contains($"e.parquet: '{key}' in its metadata is missing, must be {must}", Refusal("e.parquet"), StringComparison.Ordinal);
    }

    [Fact]
    public void ADamagedFileIsAnErrorAndNeverABug()
    {
        Tables.Write(_folder.File("whole.parquet"), Tables.Random(20, 6), classes: ["cat"]);
        var whole = File.ReadAllBytes(_folder.File("whole.parquet"));
        for (var at = 0; at < whole.Length; at += 3)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= 0x5A;
            _folder.Write("damaged.parquet", damaged);
            try
            {
                using var table = EmbeddingTable.Open(_folder.File("damaged.parquet"));
                foreach (var block in table.Blocks(10))
                {
                    block.Dispose();
                }

                table.Images(Enumerable.Range(0, (int)Math.Min(20, table.Rows)).Select(row => (long)row));
            }
            catch (DataException)
            {
                // Said by name.
            }
        }
    }

    [Fact]
    public void ArrowsMessageSurvivesWidthsAndNoClasses()
    {
        foreach (var width in new[] { 1, 255, 256, 2048, 65_536 })
        {
            var message = Convert.FromBase64String(ArrowSchema.Of(new EmbeddingLayout(width, false, [])));
            Assert.Equal(0, message.Length % 8);
            using var stream = new ArrowStreamReader(new MemoryStream([.. message, 255, 255, 255, 255, 0, 0, 0, 0]));
            Assert.Equal(width, ((FixedSizeListType)stream.Schema.FieldsList[2].DataType).ListSize);
        }
    }

    private string Refusal(string path) => Assert.Throws<DataException>(() => EmbeddingTable.Open(_folder.File(path)).Dispose()).Message;

    private static string Row(DuckDBConnection duck, string query)
    {
        using var command = duck.CreateCommand();
        command.CommandText = query;
        using var reader = command.ExecuteReader();
        if (!reader.Read())
        {
            return "";
        }

        var text = new StringBuilder();
        for (var i = 0; i < reader.FieldCount; i++)
        {
            text.Append(i == 0 ? "" : "|").Append(reader.IsDBNull(i) ? "" : Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }
}
