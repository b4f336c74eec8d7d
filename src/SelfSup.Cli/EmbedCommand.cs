using System.CommandLine;

using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Hosting;
using SelfSup.Hosting.Supervision;
using SelfSup.Images;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Search;
using SelfSup.Tensors;
using SelfSup.Training;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Cli;

/// <summary><c>selfsup embed BACKBONE --images PATH --out embeddings.parquet</c>.</summary>
internal sealed class EmbedCommand
{
    private readonly Argument<string> _backbone = BackboneArguments.Backbone();

    private readonly Option<string?> _recipe = BackboneArguments.ForeignRecipe();

    private readonly Option<string> _images = new("--images")
    {
        Description = "The images: a folder (class folders become labels), Parquet files or an IDX file",
        HelpName = "path",
        Required = true,
    };

    private readonly Option<int?> _limit = new("--images-limit") { Description = "Only the first so many", HelpName = "n" };

    private readonly Option<string> _output = new("--out")
    {
        Description = "The file to make, OUT.parquet; with more rows than --shard-rows OUT-00000-of-00012.parquet and so on",
        HelpName = "file",
        Required = true,
    };

    private readonly Option<string?> _of = new("--of")
    {
        Description = "features of the backbone, or embeddings of the head (default: embeddings of a run of metric learning, else features)",
        HelpName = "features|embeddings",
    };

    private readonly Option<bool> _normalize = new("--normalize")
    {
        Description = "Brings features to unit length, so that dot products are cosines; embeddings of the head have it in any case",
    };

    private readonly Option<string> _type = new("--dtype")
    {
        Description = "What numbers are written as",
        HelpName = "float32|float16",
        DefaultValueFactory = _ => "float32",
    };

    private readonly Option<int> _views = new("--views")
    {
        Description = "Averages what the network makes of so many views of an image: the one that is judged, its mirror image, then " +
            "random parts of at least 60 % of the image, always the same",
        HelpName = "n",
        DefaultValueFactory = _ => new EmbedOptions().Views,
    };

    private readonly Option<int> _batch = new("--batch-size")
    {
        Description = "Views in the network at once",
        HelpName = "n",
        DefaultValueFactory = _ => new EmbedOptions().BatchSize,
    };

    private readonly Option<int> _shard = new("--shard-rows")
    {
        Description = "Starts another file after so many rows",
        HelpName = "n",
        DefaultValueFactory = _ => new EmbedOptions().ShardRows,
    };

    private readonly Option<string?> _devices = new(RankDevices.Option)
    {
        Description = "Computes on several GPUs of this machine (0,1,2,3 or all), or with several copies of the network that share the CPU's " +
            "threads (cpu:4). What is written does not depend on how many",
        HelpName = "list",
    };

    private readonly Option<string?> _precision = new("--precision")
    {
        Description = "What the network computes in (default: what the recipe judges in, evaluation.precision)",
        HelpName = "float32|bfloat16|tf32",
    };

    private readonly Option<string> _unreadable = new("--on-unreadable")
    {
        Description = "What an image that is damaged or null does: fail ends with its name, skip lists it in OUT.parquet.unreadable.txt. " +
            "A file that cannot be read ends it in any case",
        DefaultValueFactory = _ => "fail",
        HelpName = "fail|skip",
    };

    private readonly Option<int?> _workers = new("--workers")
    {
        Description = "Threads that read and decode images (default: the cores that the network leaves, one at least)",
        HelpName = "n",
    };

    private readonly Option<bool> _overwrite = new("--overwrite")
    {
        Description = "Replaces OUT where it exists, and begins anew where an interruption was of another network, settings or images",
    };

    private readonly Option<int?> _threads = CommonOptions.Threads();
    private readonly Option<string[]> _assemblies = CommonOptions.Assemblies();
    private readonly DataCommand.SourceFlags _source = new();

    private EmbedCommand()
    {
        _of.AcceptOnlyFromAmong("features", "embeddings");
        _type.AcceptOnlyFromAmong("float32", "float16");
        _precision.AcceptOnlyFromAmong("float32", "bfloat16", "tf32");
        _unreadable.AcceptOnlyFromAmong("fail", "skip");
    }

    public static Command Create()
    {
        var verb = new EmbedCommand();
        var command = new Command(
            "embed",
            "Writes what a backbone makes of every image into Parquet files that DuckDB, pandas and Spark read: id, path, label and class where " +
            "there are any, embedding. The same command again goes on where a stopped or killed one was. " +
            "Example: selfsup embed runs/quickstart --images photos --out photos-embeddings.parquet");
        command.Add(verb._backbone);
        foreach (var option in new Option[]
        {
            verb._images, verb._limit, verb._output, verb._of, verb._normalize, verb._type, verb._views, verb._batch, verb._shard, verb._devices,
            verb._precision, verb._unreadable, verb._workers, verb._threads, verb._overwrite, verb._recipe, verb._assemblies,
        })
        {
            command.Add(option);
        }

        verb._source.AddTo(command);
        command.SetAction((parsed, _) => Task.FromResult(verb.Run(parsed)));
        return command;
    }

    private int Run(ParseResult parsed)
    {
        var options = Options(parsed);
        var run = new RunOptions { Threads = parsed.GetValue(_threads) };
        RecipeBinder.Require(run, "--threads");
        var places = parsed.GetValue(_devices) is { } list
            ? RankDevices.Parse(list, () => RankDevices.CountGpus(RunEnvironment.VisibleGpus()))
            : null;
        var reader = CommonOptions.Reader(parsed.GetValue(_assemblies));
        RunEnvironment.LoadTorch();
        var devices = Places(places);
        var threads = run.Threads ?? Environment.ProcessorCount;
        set_num_threads(threads);
        using var backbone = TrainedBackbone.Load(
            parsed.GetRequiredValue(_backbone), reader, devices[0], OfWhat(parsed), Precise(parsed, devices[0]), BackboneArguments.Read(parsed.GetValue(_recipe), reader));
        options.Of = backbone.Of;
        options.Source.Decoder = backbone.Recipe.Data!.Decoder;
        options.Workers = parsed.GetValue(_workers) ?? backbone.Recipe.Data!.WorkersBeside(devices[0]);
        RecipeBinder.Require(options, "embed");
        var embedder = new BackboneEmbedder(backbone, reader, threads);
        return PackedFiles.Make(
            options.Output, options.Of.ToString().ToLowerInvariant(), (progress, stop) => embedder.Make(options, devices, progress, stop));
    }

    private EmbedOptions Options(ParseResult parsed)
    {
        CommonOptions.RequirePath(_images.Name, parsed.GetRequiredValue(_images));
        var source = _source.Read(parsed, Path.GetFullPath(parsed.GetRequiredValue(_images)));
        source.Limit = parsed.GetValue(_limit);
        source.OnUnreadable = parsed.GetValue(_unreadable) == "skip" ? OnUnreadable.Skip : OnUnreadable.Fail;
        RecipeBinder.Require(source, "embed");
        var options = new EmbedOptions
        {
            Source = source,
            Output = parsed.GetRequiredValue(_output),
            Normalize = parsed.GetValue(_normalize),
            IsHalf = parsed.GetValue(_type) == "float16",
            Views = parsed.GetValue(_views),
            BatchSize = parsed.GetValue(_batch),
            ShardRows = parsed.GetValue(_shard),
            Workers = parsed.GetValue(_workers) ?? 1,
            Overwrite = parsed.GetValue(_overwrite),
        };
        RecipeBinder.Require(options, "embed");
        _ = new PackOutput(options.Output);
        return options;
    }

    private Representation? OfWhat(ParseResult parsed) => parsed.GetValue(_of) switch
    {
        "features" => Representation.Features,
        "embeddings" => Representation.Embeddings,
        _ => null,
    };

    private Precision? Precise(ParseResult parsed, Device device) => parsed.GetValue(_precision) switch
    {
        null => null,
        "bfloat16" => Precision.Bfloat16,
        "tf32" => device.type == DeviceType.CUDA
            ? Precision.Tf32
            : throw new RecipeException("--precision: tf32 is arithmetic of CUDA devices and this is a CPU; give float32 or bfloat16"),
        _ => Precision.Float32,
    };

    private static IReadOnlyList<Device> Places(RankDevices? places) => places switch
    {
        null => [Devices.Find(DeviceKind.Auto)],
        { Gpus: { } gpus } => cuda.is_available()
            ? [.. gpus.Select(gpu => new Device(DeviceType.CUDA, gpu))]
            : throw new RecipeException(
                $"{RankDevices.Option} {places}: CUDA is not available here; build with -p:TorchBackend=cuda, let SELFSUP_LIBTORCH name a libtorch " +
                "with CUDA, or name cpu"),
        _ => [.. Enumerable.Repeat(CPU, places.Ranks)],
    };
}
