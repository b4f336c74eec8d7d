using System.Reflection;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Training;

/// <summary>A number that is none is planted in every place of a step, and found there.</summary>
public sealed class NonFiniteSearchTests
{
    private static readonly RecipeReader _reader = new(typeof(OddMethod).Assembly);

    public static TheoryData<string> Modes =>
        ["float32", "float32, planes", "bfloat16", "slices", "bfloat16, slices, recomputing", "replicas", "bfloat16, replicas"];

    [Theory]
    [MemberData(nameof(Modes))]
    public void InTheImages(string mode)
    {
        using var run = SmallRun.Of(mode);
        var found = Find(run, batch => batch.Views[1][3, 0, 2, 5] = float.NaN, out var image);
        Assert.Equal($"the images are no numbers already: view 1, NaN in 1 of 1,536 values, the first in image {image} of the data", found);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void InAWeight(string mode)
    {
        using var run = SmallRun.Of(mode);
        Fill(run, "backbone.layer3.1.conv2.weight", float.NaN, values: 2);
        Assert.Equal("backbone.layer3.1.conv2.weight is no number already (NaN in 2 of 2,304 values)", Find(run));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void InWhatComesOutOfAConvolution(string mode)
    {
        using var run = SmallRun.Of(mode);
        Fill(run, "backbone.layer2.1.conv2.weight", 3e38f);
        Assert.Matches(
            @"^the first number that is none comes out of backbone\.layer2\.1\.conv2 \((NaN|Infinity) in [\d,]+ of [\d,]+ values\); what goes in is finite, up to \d[^;]*, and its weights, up to 3e\+38$",
            Find(run));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void InWhatComesOutOfANormalisation(string mode)
    {
        using var run = SmallRun.Of(mode);
        Fill(run, "backbone.layer1.2.bn1.weight", 3e38f);
        Assert.StartsWith("the first number that is none comes out of backbone.layer1.2.bn1 (", Find(run), StringComparison.Ordinal);
    }

    /// <summary>As where weights grow without bound: variances overflow before the loss does.</summary>
    [Fact]
    public void StatisticsThatHaveOverflowedAreNotTakenForTheCause()
    {
        using var run = new SmallRun();
        using (no_grad())
        {
            run.Method.Encoder.get_buffer("backbone.bn1.running_var")!.fill_(float.PositiveInfinity);
        }

        Fill(run, "backbone.layer3.0.conv1.weight", 3e38f);
        Assert.Matches(
            @"^the first number that is none comes out of backbone\.layer3\.0\.conv1 \(.*, and backbone\.bn1\.running_var is no number already \(Infinity in 4 of 4 values\)$",
            Find(run));
    }

    [Fact]
    public void InWhatComesOutOfTheHead()
    {
        using var run = new SmallRun();
        Fill(run, "head.layers.3.weight", 3e38f);
        Assert.StartsWith("the first number that is none comes out of head.layers.3 (", Find(run), StringComparison.Ordinal);
    }

    [Fact]
    public void InABlockOfATransformer()
    {
        var options = new EncoderOptions { Backbone = "vitTiny", Vit = new() { ImageSize = 8, PatchSize = 4 }, Head = new HeadOptions { Output = 8 } };
        using var run = new SmallRun(encoder: options);
        Fill(run, "backbone.blocks.2.mlp.fc1.weight", 3e38f);
        Assert.StartsWith("the first number that is none comes out of backbone.blocks.2.mlp.fc1 (", Find(run), StringComparison.Ordinal);
    }

    [Fact]
    public void InAKeyEncoder()
    {
        using var run = new SmallRun("moco");
        using (no_grad())
        {
            run.Method.Encoders.Last().get_parameter("backbone.layer1.0.conv1.weight")!.fill_(3e38f);
        }

        Assert.StartsWith("the first number that is none comes out of the key encoder's backbone.layer1.0.conv1 (", Find(run), StringComparison.Ordinal);
    }

    [Fact]
    public void InWhatAMethodRemembers()
    {
        using var run = new SmallRun("moco");
        run.Run(0, 2);
        using (var state = StateArchive.Saving())
        {
            state.Part("run", run.Trainer);
            state.Entries["run.method.queue.keys"][5, 1] = float.NaN;
            StateArchive.Loading(state.Entries, "saved").Part("run", run.Trainer);
        }

        Assert.Equal("of what the method remembers, queue.keys is no number already (NaN in 1 of 524,288 values)", Find(run));
    }

    [Theory]
    [InlineData(Odd.Embedding, "^all that comes out of layers is finite, the embeddings that the method makes of it are not \\(Infinity in 64 of 64 values\\)$")]
    [InlineData(Odd.Input, "^the first number that is none goes into head.layers.0 \\(NaN in 1 of 128 values\\), and comes out of no layer before it$")]
    [InlineData(Odd.Loss, "^embeddings and targets are finite, the loss that the method makes of them is NaN$")]
    [InlineData(Odd.Gradient, "^the loss is finite; on the way back from it the first number that is none is in the gradient of extra.weight \\((NaN|Infinity) in 64 of 64 values; 1 of \\d+ gradients have some\\)$")]
    [InlineData(Odd.Norm, "^each gradient is finite, up to 1e\\+30 in that of extra.weight, their norm is too large for its type$")]
    [InlineData(Odd.Once, "^computed once more the same step has a loss of .*: what computes it does not give the same result each time$")]
    [InlineData(Odd.Search, "^where it begins could not be found \\(no more\\)$")]
    public void InWhatAMethodComputes(Odd odd, string expected)
    {
        using var run = new SmallRun("odd", reader: _reader, settings: new OddOptions { At = odd });
        Assert.Matches(expected, Find(run));
    }

    [Fact]
    public void WhereAGradientAloneIsNoneItIsTheFirstOnTheWayBack()
    {
        using var run = new SmallRun();
        using var scope = NewDisposeScope();
        using var batch = run.Loader.From(0, 1, CancellationToken.None).First();
        var report = run.Trainer.Step(batch);
        foreach (var segment in run.Method.Encoder.Parameters.Segments.Where(s => s.Name is "backbone.bn1.bias" or "backbone.layer2.0.conv1.weight"))
        {
            segment.Of(run.Method.Encoder.Parameters.Gradients).fill_(float.PositiveInfinity);
        }

        Assert.StartsWith(
            "the loss is finite; on the way back from it the first number that is none is in the gradient of backbone.layer2.0.conv1.weight (Infinity in ",
            run.Trainer.Explain(batch, report with { GradientNorm = double.PositiveInfinity }),
            StringComparison.Ordinal);
    }

    /// <summary>Takes a step that is left out, and lets it be explained, which must leave nothing behind either.</summary>
    private static string Find(SmallRun run) => Find(run, _ => { }, out var _);

    private static string Find(SmallRun run, Action<ViewBatch> spoil, out long image)
    {
        using var scope = NewDisposeScope();
        using var batch = run.Loader.From(2, 3, CancellationToken.None).First();
        spoil(batch);
        image = batch.Samples[3].item<long>();
        var before = run.State();
        var report = run.Trainer.Step(batch);
        Assert.False(report.IsFinite);
        var found = run.Trainer.Explain(batch, report);
        Assert.Equal(before, run.State());
        Assert.All(run.Method.Encoder.modules().OfType<nn.Module<Tensor, Tensor>>(), module => Assert.Empty(Hooks(module)));
        return found;
    }

    private static System.Collections.ICollection Hooks(nn.Module<Tensor, Tensor> module) => (System.Collections.ICollection)
        typeof(nn.Module<Tensor, Tensor>).GetField("post_hooks", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(module)!;

    private static void Fill(SmallRun run, string parameter, float value, int? values = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var whole = run.Method.Encoder.get_parameter(parameter)!;
        if (values is null)
        {
            whole.fill_(value);
        }
        else
        {
            whole[0, 0].flatten().narrow(0, 0, values.Value).fill_(value);
        }
    }
}

/// <summary>Where something is no number.</summary>
public enum Odd
{
    Embedding,
    Input,
    Loss,
    Gradient,
    Norm,
    Once,
    Search,
}

/// <summary>A method that computes what is no number in one place.</summary>
[Named("odd")]
[Paper("None", "https://example.org/odd")]
[Views(1)]
internal sealed class OddMethod(OddOptions options, MethodContext context)
    : Method(context, widths => [("extra", nn.Linear(widths.Embedding, widths.Embedding, hasBias: false))])
{
    private int _compared;
    private int _embedded;

    public override int Views => 1;

    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch)
    {
        if (options.At == Odd.Search && _embedded++ > 0)
        {
            throw new InvalidOperationException("no\nmore");
        }

        var features = encoder.Represent(batch.Views[0]);
        if (options.At == Odd.Input)
        {
            var mask = zeros_like(features);
            mask[1, 2] = float.NaN;
            features += mask;
        }

        var embeddings = encoder.ProjectFeatures(features);
        return [options.At == Odd.Embedding ? embeddings + float.PositiveInfinity : embeddings];
    }

    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var loss = embeddings.Learned[0].square().mean();
        var weight = Encoder.Part<TorchSharp.Modules.Linear>("extra").weight!;
        return options.At switch
        {
            Odd.Loss => loss * float.NaN,
            Odd.Gradient => loss + (weight - weight.detach()).sqrt().sum(),
            Odd.Norm => loss + ((weight - weight.detach()) * 1e30).sum(),
            Odd.Once when _compared++ == 0 => loss * float.NaN,
            Odd.Search => loss * float.NaN,
            _ => loss,
        };
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class OddOptions
{
    /// <summary>Where.</summary>
    public Odd At { get; set; }
}
