using SelfSup.Augmentation;
using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.Models;
using SelfSup.Search;
using SelfSup.Tests.Support;

using SkiaSharp;

namespace SelfSup.Tests.Search;

/// <summary>Files of embeddings of a small network, on images that fill several files of several row groups.</summary>
public sealed class EmbeddingMakerTests : IDisposable
{
    private const int Count = 90;
    private const int Batch = 8;

    private readonly TemporaryFolder _folder = new();
    private readonly Encoder _encoder = Encoder.Create(
        new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = 8 } }, seed: 3, Computing.Cpu);

    public EmbeddingMakerTests()
    {
        _encoder.eval(); // several threads share it, and none may switch it back
        for (var i = 0; i < Count; i++)
        {
            using var bitmap = new SKBitmap(20, 20);
            using (var canvas = new SKCanvas(bitmap))
            using (var paint = new SKPaint { Color = SKColor.FromHsv(37 * i % 360, 80, 90) })
            {
                canvas.Clear(SKColor.FromHsv(11 * i % 360, 40, 60));
                canvas.DrawCircle(4 + (i % 11), 5 + (i % 7), 3 + (i % 5), paint);
            }

            using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            _folder.Write($"in/class {i % 3}/{i:D3}.png", data.ToArray());
        }

        // A whole batch that cannot be read, and single ones.
        for (var i = 0; i < 2 * Batch; i++)
        {
            _folder.Write($"in/class 1/03{i:D2}.bmp", [1, 2, 3]);
        }

        _folder.Write("in/class 2/zz.bmp", [1, 2, 3]);
    }

    public void Dispose()
    {
        _encoder.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void EveryImageHasItsOwnEmbedding()
    {
        var report = Make("out.parquet", shardRows: 1000);
        Assert.Equal((Count, 1), (report.Images, report.Files.Count));
        Assert.Equal(17, File.ReadLines(report.UnreadableFile!).Count());
        using var table = EmbeddingTable.Open(report.Files[0]);
        using var source = new FolderSource(_folder.File("in"));
        var images = table.Images(Enumerable.Range(0, Count).Select(row => (long)row));
        foreach (var row in new[] { 0, 29, 30, 31, 59, 89 })
        {
            var image = images[row];
            Assert.Equal(source.Name((int)image.Id), image.Path);
            Assert.Equal((image.Label, image.Class), (source.Label((int)image.Id), source.ClassNames[(int)image.Label!]));
            Assert.Equal(Alone((int)image.Id), table.Embedding(row).Select(value => (double)value), (a, b) => Math.Abs(a - b) < 1e-5);
        }

        double[] Alone(int index)
        {
            var pixels = new PixelImage();
            var stored = new StoredImage();
            source.Read(index, stored);
            new ImageDecoder(1_000_000).Decode(stored, pixels, "image");
            var view = new float[3 * 16 * 16];
            View(0).Make(new ViewCanvas(), pixels, 1, 0, index, 0, view);
            using var scope = TorchSharp.torch.NewDisposeScope();
            using var images = TorchSharp.torch.tensor(view).view(1, 3, 16, 16);
            return [.. FeatureExtractor.Forward(_encoder, images, Computing.Cpu).data<float>().ToArray().Select(value => (double)value)];
        }
    }

    [Fact]
    public void AnInterruptionChangesNoByteWhereverItWas()
    {
        var whole = Make("whole.parquet");
        Assert.True(whole.Files.Count > 3, "several files, so that the end of one is met too");
        for (var stop = 0; stop <= Count; stop += 10)
        {
            var name = $"stopped-{stop}.parquet";
            Assert.Throws<OperationCanceledException>(() => Make(name, stopAt: stop));
            IsTheSame(whole, Make(name));
        }
    }

    [Fact]
    public void WhatAKillLeftHalfWrittenIsDropped()
    {
        var whole = Make("whole.parquet");
        Assert.Throws<OperationCanceledException>(() => Make("out.parquet", stopAt: 70));
        HalfWritten.Leave(_folder.File("out.parquet.partial"));
        IsTheSame(whole, Make("out.parquet"));
    }

    [Fact]
    public void AnEndWhileFilesGetTheirNamesLosesNothing()
    {
        var whole = Make("whole.parquet");
        var second = whole.Files[1].Replace("whole", "out", StringComparison.Ordinal);
        Directory.CreateDirectory(second);
        Assert.Contains("cannot be written", Assert.Throws<TrainingException>(() => Make("out.parquet")).Message, StringComparison.Ordinal);
        Directory.Delete(second);
        Assert.Contains("exists already", Assert.Throws<RecipeException>(() => Make("whole.parquet")).Message, StringComparison.Ordinal);
        IsTheSame(whole, Make("out.parquet"));
    }

    [Theory]
    [InlineData(2, 1, 1)]
    [InlineData(3, 4, 1)]
    [InlineData(1, 3, 3)]
    public void DevicesAndWorkersChangeNoByte(int devices, int workers, int views)
    {
        var one = Make("one.parquet", views: views);
        IsTheSame(one, Make("several.parquet", devices: devices, workers: workers, views: views));
        // Nor does it matter what goes on with it.
        Assert.Throws<OperationCanceledException>(() => Make("resumed.parquet", stopAt: 50, views: views));
        IsTheSame(one, Make("resumed.parquet", devices: devices, workers: workers, views: views));
    }

    [Fact]
    public void ShardsOfParquetFilesAreOneSource()
    {
        var packed = new DatasetPacker(new PackOptions
        {
            Source = new() { Path = _folder.File("in"), OnUnreadable = OnUnreadable.Skip },
            Output = _folder.File("packed.parquet"),
            ShardMegabytes = 1,
            Order = PackOrder.Source,
        }).Run(_ => { }, TestContext.Current.CancellationToken);
        File.Copy(packed.Files[0], _folder.File("two-0.parquet"));
        File.Copy(packed.Files[0], _folder.File("two-1.parquet"));
        var report = Make("out.parquet", source: new() { Path = _folder.File("two-*.parquet"), Limit = Count + 10 }, shardRows: 1000);
        using var table = EmbeddingTable.Open(report.Files[0]);
        Assert.Equal(Count + 10, table.Rows);
        var images = table.Images(Enumerable.Range(0, Count + 10).Select(row => (long)row));
        Assert.Equal(Enumerable.Range(0, Count + 10).Select(row => (long)row), Enumerable.Range(0, Count + 10).Select(row => images[row].Id));
        Assert.Equal(("two-0.parquet, row 3", "class 0"), (images[3].Path, images[3].Class));
        Assert.Equal(("two-1.parquet, row 3", "class 0"), (images[Count + 3].Path, images[Count + 3].Class));
        Assert.Equal(table.Embedding(3), table.Embedding(Count + 3), (a, b) => Math.Abs(a - b) < 1e-5);

        // Files that change places are other images.
        Assert.Throws<OperationCanceledException>(() => Make("again.parquet", stopAt: 50, source: new() { Path = _folder.File("two-*.parquet") }));
        File.Move(_folder.File("two-0.parquet"), _folder.File("two-2.parquet"));
        Assert.Contains(
            "have changed since",
            Assert.Throws<CheckpointException>(() => Make("again.parquet", source: new() { Path = _folder.File("two-*.parquet") })).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("views was 1, is 2")]
    [InlineData("batch-size was 8, is 16")]
    [InlineData("dtype was float32, is float16")]
    [InlineData("unitLength was false, is true")]
    [InlineData("shard-rows was 25, is 1000")]
    [InlineData("weights was 0123456789abcdef, is another")]
    public void OtherSettingsAreRefusedAndNamed(string difference)
    {
        Assert.Throws<OperationCanceledException>(() => Make("out.parquet", stopAt: 50));
        var error = Assert.Throws<CheckpointException>(() => Other(overwrite: false));
        Assert.Contains($"out.parquet.partial: an interrupted embedding with other settings ({difference})", error.Message, StringComparison.Ordinal);
        Assert.Equal(Count, Other(overwrite: true).Images);

        PackReport Other(bool overwrite) => difference.Split(' ')[0] switch
        {
            "views" => Make("out.parquet", views: 2, overwrite: overwrite),
            "batch-size" => Make("out.parquet", batch: 16, overwrite: overwrite),
            "dtype" => Make("out.parquet", isHalf: true, overwrite: overwrite),
            "unitLength" => Make("out.parquet", normalize: true, overwrite: overwrite),
            "shard-rows" => Make("out.parquet", shardRows: 1000, overwrite: overwrite),
            _ => Make("out.parquet", weights: "another", overwrite: overwrite),
        };
    }

    [Fact]
    public void ChangedImagesAreRefused()
    {
        Assert.Throws<OperationCanceledException>(() => Make("out.parquet", stopAt: 50));
        File.Copy(_folder.File("in/class 0/003.png"), _folder.File("in/class 0/000.png"), overwrite: true);
        File.SetLastWriteTimeUtc(_folder.File("in/class 0/000.png"), DateTime.UnixEpoch);
        Assert.Contains("have changed since", Assert.Throws<CheckpointException>(() => Make("out.parquet")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnImageThatCannotBeReadIsNamed()
    {
        var error = Assert.Throws<DataException>(() => Make("out.parquet", onUnreadable: OnUnreadable.Fail));
        Assert.Contains("0300.bmp", error.Message, StringComparison.Ordinal);
        Assert.Contains("exists already", Assert.Throws<RecipeException>(() =>
        {
            Make("there.parquet");
            Make("there.parquet");
        }).Message, StringComparison.Ordinal);
        Assert.Contains("lies in the folder of the images", Assert.Throws<RecipeException>(() => Make("in/out.parquet")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ViewsAreAveragedAndMayHaveUnitLength()
    {
        var (one, mirrored, both) = (Rows(Make("one.parquet")), Rows(Make("mirrored.parquet", only: 1)), Rows(Make("both.parquet", views: 2)));
        Assert.Equal(one.Zip(mirrored, (a, b) => (a + b) / 2), both, (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.NotEqual(one, mirrored);
        var unit = Rows(Make("unit.parquet", views: 2, normalize: true)).Chunk(16).ToArray();
        Assert.All(unit, row => Assert.Equal(1, row.Sum(x => x * x), 1e-5));
        var head = Rows(Make("head.parquet", views: 2, of: Representation.Embeddings)).Chunk(8).ToArray();
        Assert.All(head, row => Assert.Equal(1, row.Sum(x => x * x), 1e-5));
    }

    [Fact]
    public void ANetworkThatMakesNoNumbersIsAnErrorThatNamesTheImage()
    {
        using (TorchSharp.torch.no_grad())
        {
            _encoder.Parameters.Values.fill_(float.NaN);
        }

        var error = Assert.Throws<DataException>(() => Make("out.parquet"));
        Assert.Contains("000.png: what the network makes of it is NaN or infinite", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ImagesNoneOfWhichCanBeReadAreAnError()
    {
        Directory.Delete(_folder.File("in"), recursive: true);
        _folder.Write("in/bad.png", [1, 2, 3]);
        Assert.Contains("none of the 1 images can be read, the first because", Assert.Throws<DataException>(() => Make("out.parquet")).Message, StringComparison.Ordinal);
    }

    private static double[] Rows(PackReport report)
    {
        var values = new List<double>();
        foreach (var file in report.Files)
        {
            using var table = EmbeddingTable.Open(file);
            foreach (var block in table.Blocks(1000))
            {
                using (block)
                {
                    values.AddRange(block.Rows.data<float>().ToArray().Select(value => (double)value));
                }
            }
        }

        return [.. values];
    }

    private static ViewPipeline View(int number) => number switch
    {
        0 => new(new CenterCrop(new() { Size = 16 })),
        1 => new(new CenterCrop(new() { Size = 16 }), new HorizontalFlip(new() { Probability = 1 })),
        _ => new(new RandomResizedCrop(new() { Size = 16, Scale = [0.6, 1] })),
    };

    private PackReport Make(
        string output, int? stopAt = null, int devices = 1, int workers = 1, int views = 1, int batch = Batch, bool isHalf = false, bool normalize = false,
        int shardRows = 25, bool overwrite = false, string weights = "0123456789abcdef", OnUnreadable onUnreadable = OnUnreadable.Skip,
        Representation of = Representation.Features, int? only = null, ImageSourceOptions? source = null)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var options = new EmbedOptions
        {
            Source = source ?? new() { Path = _folder.File("in"), OnUnreadable = onUnreadable },
            Output = _folder.File(output),
            Of = of,
            Normalize = normalize,
            IsHalf = isHalf,
            Views = views,
            BatchSize = batch,
            ShardRows = shardRows,
            Workers = workers,
            Overwrite = overwrite,
        };
        EmbedDevice[] copies = [.. Enumerable.Range(0, devices).Select(_ => new EmbedDevice(_encoder, Computing.Cpu, 1))];
        ViewPipeline[] pipelines = only is { } number ? [View(number)] : [.. Enumerable.Range(0, views).Select(View)];
        return new EmbeddingMaker(options, copies, pipelines, seed: 1).Run(
            Tables.Network(weights),
            progress =>
            {
                if (progress.Done >= stopAt)
                {
                    stopping.Cancel();
                }
            },
            stopping.Token);
    }

    private static void IsTheSame(PackReport expected, PackReport actual)
    {
        Assert.Equal(expected.Images, actual.Images);
        Assert.Equal(expected.Unreadable, actual.Unreadable);
        Assert.Equal(expected.Files.Select(File.ReadAllBytes), actual.Files.Select(File.ReadAllBytes));
        Assert.Equal(File.ReadAllText(expected.UnreadableFile!), File.ReadAllText(actual.UnreadableFile!));
    }
}
