using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.IntegrationTests.Support;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Tensors;

using SkiaSharp;

using static TorchSharp.torch;

namespace SelfSup.IntegrationTests;

/// <summary>What <c>selfsup export --format onnx</c> writes, in the hands of programs that know nothing of SelfSup.</summary>
public sealed class OnnxSamplesTests(OnnxSamplesTests.TrainedRun run, ITestOutputHelper output) : IClassFixture<OnnxSamplesTests.TrainedRun>, IDisposable
{
    private const string Photographs = "SELFSUP_PHOTOS";
    private const string PhotographsRun = "SELFSUP_PHOTOS_RUN";
    private static readonly HttpClient _client = new();

    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("--part", "all", "--l2")]
    [InlineData("--part", "all", "--l2", "--input", "uint8", "--fold-batchnorm")]
    [InlineData("--normalize-input")]
    public async Task TheServiceEmbedsAsSelfSupDoes(params string[] flags)
    {
        var model = Export(flags);
        var images = MadeUp();
        using var service = Start(model, out var address);
        var health = await _client.GetFromJsonAsync<JsonElement>(address + "health", TestContext.Current.CancellationToken);
        var of = flags.Contains("all") ? Representation.Embeddings : Representation.Features;
        Assert.Equal(of == Representation.Embeddings ? "embeddings" : "features", health.GetProperty("output").GetString());
        Assert.Equal("simclr", health.GetProperty("method").GetString());

        var expected = Expected(images, of);
        // How alike different images are says how near is near. Bytes are rounded once more.
        var least = 1 - (Farness(expected) * (flags.Contains("uint8") ? 0.1 : 0.001));
        using var form = new MultipartFormDataContent();
        foreach (var (path, i) in Files(images).Select((path, i) => (path, i)))
        {
            var one = await EmbedAsync(address, await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));
            Assert.Equal(expected[i].Length, one.Length);
            Assert.InRange(Cosine(expected[i], one), least, 1.0000001);
            form.Add(new ByteArrayContent(await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken)), "image", Path.GetFileName(path));
        }

        using var answer = await _client.PostAsync(address + "embed", form, TestContext.Current.CancellationToken);
        var together = (await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("images");
        Assert.Equal(Files(images).Select(Path.GetFileName), together.EnumerateArray().Select(image => image.GetProperty("name").GetString()));
        Assert.All(together.EnumerateArray().Zip(expected), pair => Assert.InRange(Cosine(pair.Second, Values(pair.First)), least, 1.0000001));

        service.Signal("TERM");
        service.Wait().Succeeds();
    }

    [Fact]
    public async Task TheServiceRefusesWhatIsNoImage()
    {
        var model = Export("--part", "backbone");
        using var service = Start(model, out var address, "--maxbodybytes", "300000", "--maxpixels", "10000", "--maximages", "2");
        var whole = Jpeg(90, 60);
        Assert.Equal((HttpStatusCode.BadRequest, "image: is cut off; send the whole file"), await RefusalAsync(address, whole[..(whole.Length / 2)]));
        Assert.Equal(
            (HttpStatusCode.BadRequest, "image: is no image that can be read; must be JPEG, PNG, WebP, BMP or GIF"), await RefusalAsync(address, "<html></html>"u8.ToArray()));
        Assert.Equal((HttpStatusCode.BadRequest, "image: 200 x 100 pixels, must be at most 10,000"), await RefusalAsync(address, Jpeg(200, 100)));
        Assert.Equal(HttpStatusCode.BadRequest, (await RefusalAsync(address, [])).Status);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await RefusalAsync(address, new byte[400_000])).Status);
        var random = new Random(4);
        for (var i = 0; i < 60; i++)
        {
            var damaged = (byte[])whole.Clone();
            for (var j = 0; j <= i % 8; j++)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            using var answer = await PostAsync(address, damaged);
            Assert.Contains(answer.StatusCode, new[] { HttpStatusCode.OK, HttpStatusCode.BadRequest });
        }

        Assert.Equal(32, (await EmbedAsync(address, whole)).Length); // it is there still
    }

    [Fact]
    public void TheServiceSaysInOneLineWhatIsWrongWithItsModel()
    {
        StartUp("nowhere.onnx").IsOneLine(2, "--model nowhere.onnx: there is no such file");
        File.WriteAllBytes(_workspace["damaged.onnx"], File.ReadAllBytes(Export())[..20_000]);
        StartUp("damaged.onnx").IsOneLine(2, "damaged.onnx");
        StartUp(Export("--part", "head")).IsOneLine(2, "takes features, not images");
        StartUp(Export("--image-size", "40")).IsOneLine(2, "does not say how images are prepared", "export it without --image-size");
    }

    [Fact]
    public void MachineLearningNetLearnsFromTheEmbeddings()
    {
        var model = Export("--part", "all", "--l2", "--normalize-input");
        var (known, asked) = (_workspace.Images("known", 24, 40), _workspace.Images("asked", 8, 50));
        var outcome = RunProgram("mlnet", model, known, asked, "embeddings.csv").Succeeds();
        var lines = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(9, lines.Length);
        Assert.Matches(@"^24 images learnt from; \d+\.\d % of 8 images told rightly$", lines[^1]);

        var (ofKnown, ofAsked) = (Expected(known, Representation.Embeddings), Expected(asked, Representation.Embeddings));
        var (knownFiles, askedFiles) = (Files(known), Files(asked));
        var rows = File.ReadAllLines(_workspace["embeddings.csv"]);
        for (var i = 0; i < askedFiles.Length; i++)
        {
            var row = rows[i].Split(',');
            Assert.Equal(Path.GetRelativePath(asked, askedFiles[i]), row[0]);
            float[] actual = [.. row.Skip(1).Select(value => float.Parse(value, CultureInfo.InvariantCulture))];
            Assert.All(ofAsked[i].Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
            var nearest = Enumerable.Range(0, ofKnown.Length).MaxBy(k => Cosine(ofKnown[k], ofAsked[i]));
            Assert.Contains($"nearest {Path.GetRelativePath(known, knownFiles[nearest])} (", lines[i], StringComparison.Ordinal);
        }

        RunProgram("mlnet", Export(), known, asked).IsOneLine(2, "export it with --format onnx --normalize-input");
        RunProgram("mlnet", Export("--normalize-input", "--image-size", "40"), known, asked).IsOneLine(2, "export it without --image-size");
        RunProgram("mlnet", model, _workspace["nowhere"], asked).IsOneLine(2, "nowhere");
    }

    /// <summary>Over real photographs, if there are any: decoders differ there by a level here and there.</summary>
    [Fact]
    public async Task PhotographsComeCloseToo()
    {
        var folder = Environment.GetEnvironmentVariable(Photographs);
        Assert.SkipWhen(folder is null, $"{Photographs} names no folder of photographs");
        var from = Environment.GetEnvironmentVariable(PhotographsRun) ?? run.Path;
        var expected = Expected(folder, Representation.Embeddings, from);
        output.WriteLine($"the two that are most alike: 1 - cosine {Farness(expected):0.0e0}");
        foreach (var flags in new string[][] { ["--l2"], ["--l2", "--input", "uint8"], ["--dtype", "float16"] })
        {
            using var service = Start(Export(from, ["--part", "all", .. flags]), out var address);
            var distances = new List<double>();
            foreach (var (path, i) in Files(folder).Select((path, i) => (path, i)))
            {
                distances.Add(1 - Cosine(expected[i], await EmbedAsync(address, await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken))));
            }

            output.WriteLine(
                $"{string.Join(' ', flags)}: {distances.Count} photographs, 1 - cosine {distances.Max():0.0e0} at most, {distances.Average():0.0e0} in the mean");
            Assert.InRange(distances.Max(), -1e-6, 1e-3);
        }
    }

    /// <summary>Every image file below a folder, in the order in which SelfSup reads a folder.</summary>
    private static string[] Files(string folder) => [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static double Cosine(float[] a, float[] b)
    {
        double Product(float[] x, float[] y) => x.Zip(y, (one, other) => (double)one * other).Sum();
        return Product(a, b) / Math.Sqrt(Product(a, a) * Product(b, b));
    }

    /// <summary>One minus the cosine of the two that are most alike.</summary>
    private static double Farness(float[][] embeddings) =>
        embeddings.Index().SelectMany(one => embeddings.Take(one.Index).Select(other => 1 - Cosine(one.Item, other))).Min();

    private static float[] Values(JsonElement image) => [.. image.GetProperty("embedding").EnumerateArray().Select(value => value.GetSingle())];

    private static byte[] Jpeg(int width, int height, int seed = 1)
    {
        using var bitmap = Picture(width, height, seed);
        using var data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 95);
        return data.ToArray();
    }

    private static SKBitmap Picture(int width, int height, int seed)
    {
        var bitmap = new SKBitmap(width, height);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                bitmap.SetPixel(x, y, SKColor.FromHsv((x * 3 + (seed * 50)) % 360, 30 + ((y + (seed * x)) % 60), 40 + ((x * y) % 50)));
            }
        }

        return bitmap;
    }

    private static async Task<HttpResponseMessage> PostAsync(string address, byte[] body)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return await _client.PostAsync(address + "embed", content, TestContext.Current.CancellationToken);
    }

    private static async Task<float[]> EmbedAsync(string address, byte[] body)
    {
        using var answer = await PostAsync(address, body);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, text);
        using var json = JsonDocument.Parse(text);
        return Values(Assert.Single(json.RootElement.GetProperty("images").EnumerateArray()));
    }

    private static async Task<(HttpStatusCode Status, string? Detail)> RefusalAsync(string address, byte[] body)
    {
        using var answer = await PostAsync(address, body);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        return (answer.StatusCode, problem.GetProperty("detail").GetString());
    }

    private static string Program(string sample) => Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", sample, Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), sample));

    /// <summary>Sizes around the view's, formats, shapes, and one that lies on its side.</summary>
    private string MadeUp()
    {
        var folder = Directory.CreateDirectory(_workspace["pictures"]).FullName;
        foreach (var (i, (width, height)) in new[] { (90, 61), (28, 28), (33, 200), (20, 24), (300, 301) }.Index())
        {
            using var bitmap = Picture(width, height, i);
            using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            File.WriteAllBytes(Path.Combine(folder, $"{i}.png"), data.ToArray());
        }

        var jpeg = Jpeg(120, 70);
        byte[] oriented =
        [
            .. jpeg[..2], 0xFF, 0xE1, 0, 34, .. "Exif\0\0II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, .. jpeg[2..],
        ];
        File.WriteAllBytes(Path.Combine(folder, "6.jpg"), oriented);
        return folder;
    }

    private string Export(params string[] flags) => Export(run.Path, flags);

    private string Export(string from, string[] flags)
    {
        var path = _workspace[$"network-{string.Join('-', flags)}.onnx".Replace("--", "", StringComparison.Ordinal)];
        _workspace.Run(["export", from, "--format", "onnx", "--out", path, .. flags]).Succeeds();
        return path;
    }

    private SelfSupProcess Start(string model, out string address, params string[] more)
    {
        const string Listening = "Now listening on: ";
        var service = SelfSupProcess.StartProgram(
            Program("embedding-service"), _workspace["."], ["--model", model, "--urls", "http://127.0.0.1:0", .. more]);
        var said = service.WaitForOutput("Application started");
        var start = said.IndexOf(Listening, StringComparison.Ordinal);
        Assert.True(start >= 0, said);
        address = said[(start + Listening.Length)..].Split('\n')[0].Trim() + "/";
        return service;
    }

    private Outcome StartUp(string model) => RunProgram("embedding-service", "--model", model, "--urls", "http://127.0.0.1:0");

    private Outcome RunProgram(string sample, params string[] arguments)
    {
        using var process = SelfSupProcess.StartProgram(Program(sample), _workspace["."], arguments);
        return process.Wait();
    }

    /// <summary>What SelfSup itself makes of the images of a folder, by the view that the run is judged by.</summary>
    private float[][] Expected(string folder, Representation of, string? from = null)
    {
        using var scope = NewDisposeScope();
        var reader = new RecipeReader();
        using var trained = TrainedBackbone.Load(from ?? run.Path, reader, CPU, of);
        var options = new ImageSourceOptions { Path = folder };
        using var source = ImageSources.Open(options);
        var extractor = new FeatureExtractor(Pipelines.Evaluation(trained.Recipe, reader), 8, 1, new Compute(CPU, Precision.Float32));
        var features = extractor.Extract(
            trained.Encoder, new LabelledImages(source, options, "test", needLabels: false), TestContext.Current.CancellationToken, of).Features;
        return [.. features.data<float>().ToArray().Chunk((int)features.shape[1])];
    }

    /// <summary>A run of four steps.</summary>
    public sealed class TrainedRun : IDisposable
    {
        private readonly Workspace _workspace = new();

        public TrainedRun()
        {
            TorchRuntime.Initialise(null);
            set_num_threads(1);
            _workspace.Pretrain("run", "--set", "training.maxSteps=4", "--set", "encoder.width=0.5", "--threads", "1").Succeeds();
        }

        public string Path => _workspace["run"];

        public void Dispose() => _workspace.Dispose();
    }
}
