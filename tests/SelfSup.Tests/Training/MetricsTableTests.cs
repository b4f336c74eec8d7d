using System.Globalization;

using DuckDB.NET.Data;

using SelfSup.Tests.Support;
using SelfSup.Training;

namespace SelfSup.Tests.Training;

/// <summary><c>metrics.parquet</c>, as DuckDB reads it.</summary>
public sealed class MetricsTableTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _warnings = [];

    private string Log => _folder.File("metrics.jsonl");

    private string Table => _folder.File("metrics.parquet");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AStepIsARow()
    {
        _folder.Write("metrics.jsonl", """
            {"step":0,"epoch":0,"evaluation":{"knn":0.25}}
            {"step":1,"epoch":0.5,"embeddings":{"alignment":0.75},"method":{"informationBound":0.125}}
            {"step":1,"epoch":0.5,"loss":6.5,"learningRate":0.1}
            {"step":2,"epoch":1,"loss":"NaN","learningRate":0.2}
            {"step":2,"epoch":1,"evaluation":{"knn":0.5}}
            {"step":null,"loss":1}
            [{"step":9}]
            {"epoch":1,"step":"2","loss":1}
            {"step":2,"host":"a","list":[1,{"step":7}],"far":{"farther":{"still":1}},"isGood":true,"nothing":null}
            {"step":3,"epo
            """);
        new MetricsTable(Log, Table, TimeProvider.System, _warnings.Add).Update(always: true);
        Assert.Equal(
            "step BIGINT|epoch DOUBLE|loss DOUBLE|learningRate DOUBLE|embeddings_alignment DOUBLE|method_informationBound DOUBLE|evaluation_knn DOUBLE",
            Query($"select string_agg(column_name || ' ' || column_type, '|') from (describe select * from '{Table}')"));
        Assert.Equal("3|0.25|0.5", Query($"select count(*), min(evaluation_knn), max(evaluation_knn) from '{Table}'"));
        Assert.Equal("|||0.25", Query($"select loss, learningRate, embeddings_alignment, evaluation_knn from '{Table}' where step = 0"));
        Assert.Equal("0.5|6.5|0.1|0.75|0.125|", Query($"select * exclude step from '{Table}' where step = 1"));
        Assert.Equal("1|NaN|0.2|||0.5", Query($"select * exclude step from '{Table}' where step = 2"));
        Assert.Equal("ZSTD", Query($"select distinct compression from parquet_metadata('{Table}')"));
        Assert.Contains("\"stepSeconds\":\"s\"", Query($"select decode(value) from parquet_kv_metadata('{Table}') where decode(key) = 'selfsup.units'"), StringComparison.Ordinal);
        Assert.Empty(_warnings);
    }

    /// <summary>Groups that are full are copied; the file is the one that is made of all lines at once, also where measures come late.</summary>
    [Fact]
    public void AFileThatHasGrownIsTheOneThatIsMadeAtOnce()
    {
        const int Steps = (2 * MetricsTable.GroupRows) + 1000;
        var growing = new MetricsTable(Log, Table, TimeProvider.System, _warnings.Add);
        using (var log = File.CreateText(Log))
        {
            for (var step = 1; step <= Steps; step++)
            {
                log.Write(string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"epoch\":{step / 100.0},\"loss\":{1.0 / step}}}\n"));
                if (step % 100 == 0 && step > MetricsTable.GroupRows + 5000)
                {
                    log.Write(string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"epoch\":{step / 100.0},\"evaluation\":{{\"knn\":{step}}}}}\n"));
                }

                if (step % 20_000 == 0)
                {
                    log.Flush();
                    growing.Update(always: true);
                }
            }
        }

        growing.Update(always: true);
        Assert.Equal($"{Steps}|1|{Steps}|{Steps}", Query($"select count(*), min(step), max(step), count(distinct step) from '{Table}'"));
        Assert.Equal(
            string.Create(CultureInfo.InvariantCulture, $"{Enumerable.Range(1, Steps).Sum(step => (long)step)}|0|0"),
            Query($"select sum(step), count(*) filter (abs(loss * step - 1) > 1e-12), count(*) filter ((step % 100 = 0 and step > {MetricsTable.GroupRows + 5000}) <> (evaluation_knn = step) is true) from '{Table}'"));
        Assert.Equal("65536,65536,1000", Query($"select string_agg(n, ',' order by g) from (select row_group_id g, any_value(row_group_num_rows) n from parquet_metadata('{Table}') group by 1)"));
        new MetricsTable(Log, _folder.File("once.parquet"), TimeProvider.System, _warnings.Add).Update(always: true);
        Assert.Equal(File.ReadAllBytes(_folder.File("once.parquet")), File.ReadAllBytes(Table));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void LittleNewsWaitsForMore()
    {
        var table = new MetricsTable(Log, Table, TimeProvider.System, _warnings.Add);
        table.Update(always: true);
        Assert.False(File.Exists(Table)); // there is nothing to say
        Lines(1, 100);
        table.Update(always: false);
        Assert.Equal("100", Query($"select count(*) from '{Table}'"));
        Lines(101, 102);
        table.Update(always: false);
        Assert.Equal("100", Query($"select count(*) from '{Table}'"));
        Lines(103, 110);
        table.Update(always: false);
        Assert.Equal("110", Query($"select count(*) from '{Table}'"));
        Lines(111, 111);
        table.Update(always: true);
        Assert.Equal("111", Query($"select count(*) from '{Table}'"));
    }

    [Fact]
    public void WhatCannotBeWrittenIsSaidOnce()
    {
        var table = new MetricsTable(Log, Table, TimeProvider.System, _warnings.Add);
        Lines(1, 2);
        Directory.CreateDirectory(Table);
        table.Update(always: true);
        table.Update(always: true);
        Assert.Contains("metrics.parquet: cannot be written", Assert.Single(_warnings), StringComparison.Ordinal);
        Directory.Delete(Table);
        table.Update(always: true);
        Assert.Contains("can be written again", _warnings[1], StringComparison.Ordinal);
        Assert.Equal("2", Query($"select count(*) from '{Table}'"));
    }

    [Fact]
    public void AnotherProcessGoesOn()
    {
        Lines(1, MetricsTable.GroupRows + 10);
        new MetricsTable(Log, Table, TimeProvider.System, _warnings.Add).Update(always: true);
        Lines(MetricsTable.GroupRows + 11, MetricsTable.GroupRows + 20);
        var table = new MetricsTable(Log, Table, TimeProvider.System, _warnings.Add);
        table.Update(always: true);
        Assert.Equal($"{MetricsTable.GroupRows + 20}", Query($"select count(distinct step) from '{Table}'"));

        // Whoever takes the file away, or puts another one there, gets it again.
        File.Delete(Table);
        table.Update(always: true);
        Assert.Equal($"{MetricsTable.GroupRows + 20}", Query($"select count(distinct step) from '{Table}'"));
        File.WriteAllText(Table, "another file");
        Lines(MetricsTable.GroupRows + 21, MetricsTable.GroupRows + 21);
        table.Update(always: true);
        Assert.Equal($"{MetricsTable.GroupRows + 21}", Query($"select count(distinct step) from '{Table}'"));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void ARunThatIsStoppedHasTimeForLittleOnly()
    {
        Lines(1, 10);
        var beats = 0;
        using var table = new MetricsTable(Log, Table, TimeProvider.System, _warnings.Add);
        table.Finish(isDone: false, () => { });
        Assert.Equal("10", Query($"select count(*) from '{Table}'"));
        Lines(11, 2 * MetricsTable.GroupRows);
        table.Finish(isDone: false, () => { });
        Assert.Equal("10", Query($"select count(*) from '{Table}'"));
        table.Finish(isDone: true, () => beats++);
        Assert.Equal($"{2 * MetricsTable.GroupRows}", Query($"select count(*) from '{Table}'"));
        Assert.NotEqual(0, beats);
    }

    private void Lines(int first, int last) => File.AppendAllLines(
        Log, Enumerable.Range(first, last - first + 1).Select(step => string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"epoch\":1,\"loss\":{step}}}")));

    private static string Query(string query)
    {
        using var duck = new DuckDBConnection("DataSource=:memory:");
        duck.Open();
        using var command = duck.CreateCommand();
        command.CommandText = query;
        using var reader = command.ExecuteReader();
        Assert.True(reader.Read());
        return string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "" : Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture)));
    }
}
