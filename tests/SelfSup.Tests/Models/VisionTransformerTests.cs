using System.Globalization;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Export;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Models;

public sealed class VisionTransformerTests
{
    private const string PatchWeight = "patch_embed.proj.weight";
    private const string PatchBias = "patch_embed.proj.bias";
    private const string Positions = "pos_embed";

    // Two blocks of 8 numbers and 2 heads over 3 x 3 patches of 2 pixels.
    private static readonly VisionTransformerArchitecture _small = new(8, 2, 2);

    public enum Kind
    {
        Learned,
        Mean,
        SinCos,
        Frozen,
    }

    [Theory]
    [InlineData("vitTiny", 5_524_416, 192)]
    [InlineData("vitSmall", 21_665_664, 384)]
    [InlineData("vitBase", 85_798_656, 768)]
    public void NetworksHaveTimmsNumberOfParameters(string name, long parameters, long features)
    {
        var options = new VisionTransformerOptions();
        using var net = new VisionTransformer(VisionTransformerArchitecture.Find(name, options), options);
        Assert.Equal(parameters, net.parameters().Sum(p => p.numel())); // timm's number less the classifier
        Assert.Equal(features, net.FeatureWidth);
    }

    [Fact]
    public void NamesAndShapesAreTimms()
    {
        var options = new VisionTransformerOptions();
        using var net = new VisionTransformer(VisionTransformerArchitecture.Find("vitTiny", options), options);
        var expected = new Dictionary<string, string>
        {
            ["cls_token"] = "1 1 192",
            ["pos_embed"] = "1 197 192",
            ["patch_embed.proj.weight"] = "192 3 16 16",
            ["patch_embed.proj.bias"] = "192",
            ["norm.weight"] = "192",
            ["norm.bias"] = "192",
        };
        for (var i = 0; i < 12; i++)
        {
            foreach (var (name, rows, columns) in new[] { ("attn.qkv", 576, 192), ("attn.proj", 192, 192), ("mlp.fc1", 768, 192), ("mlp.fc2", 192, 768) })
            {
                expected[$"blocks.{i}.{name}.weight"] = $"{rows} {columns}";
                expected[$"blocks.{i}.{name}.bias"] = $"{rows}";
            }

            foreach (var name in new[] { "norm1", "norm2" })
            {
                expected[$"blocks.{i}.{name}.weight"] = expected[$"blocks.{i}.{name}.bias"] = "192";
            }
        }

        var actual = net.state_dict().ToDictionary(t => t.Key, t => string.Join(' ', t.Value.shape));
        Assert.Equal(expected.OrderBy(t => t.Key, StringComparer.Ordinal), actual.OrderBy(t => t.Key, StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(Kind.Learned)]
    [InlineData(Kind.Mean)]
    [InlineData(Kind.SinCos)]
    [InlineData(Kind.Frozen)]
    public void FeaturesAreThoseOfThePlainFormula(Kind kind)
    {
        using var scope = NewDisposeScope();
        using var net = Small(kind);
        var images = Images(2, 6);
        Near(Plain(net.state_dict(), Options(kind), images), net.call(images), 1e-12);
    }

    [Theory]
    [InlineData(Kind.Learned)]
    [InlineData(Kind.Mean)]
    [InlineData(Kind.SinCos)]
    [InlineData(Kind.Frozen)]
    public void GradientsAreThoseOfFiniteDifferences(Kind kind)
    {
        const double Step = 1e-5;
        using var scope = NewDisposeScope();
        using var net = Small(kind);
        var images = Images(2, 8); // 4 x 4 patches: positions are interpolated
        var weights = Numbers.Normal(2, 8).to(float64);
        Tensor Loss() => (net.call(images) * weights).sum();
        GuardedBackward.Run(Loss());
        foreach (var (name, parameter) in net.named_parameters())
        {
            using var _ = no_grad();
            var flat = parameter.view(-1);
            foreach (var i in new[] { 0, flat.shape[0] / 2, flat.shape[0] - 1 }.Distinct())
            {
                var value = flat[i].ToDouble();
                flat[i] = value + Step;
                var above = Loss().ToDouble();
                flat[i] = value - Step;
                var below = Loss().ToDouble();
                flat[i] = value;
                var gradient = parameter.grad!.reshape(-1)[i].ToDouble();
                Assert.True(
                    Math.Abs(gradient - ((above - below) / (2 * Step))) < 1e-6 * Math.Max(1, Math.Abs(gradient)),
                    string.Create(CultureInfo.InvariantCulture, $"{name}[{i}]: {gradient} is not {(above - below) / (2 * Step)}"));
            }
        }
    }

    [Fact]
    public void SinCosPositionsFollowTheFormula()
    {
        using var scope = NewDisposeScope();
        var positions = PositionGrid.SinCos(3, 8).data<float>().ToArray();
        Assert.Equal(10 * 8, positions.Length);
        Assert.All(positions[..8], value => Assert.Equal(0, value));
        for (var patch = 0; patch < 9; patch++)
        {
            var (row, column) = (patch / 3, patch % 3);
            double[] expected =
            [
                Math.Sin(row), Math.Sin(row / 100.0), Math.Cos(row), Math.Cos(row / 100.0), // 100 is 10000 to the power of 1 / 2
                Math.Sin(column), Math.Sin(column / 100.0), Math.Cos(column), Math.Cos(column / 100.0),
            ];
            Assert.All(expected.Zip(positions.Skip((1 + patch) * 8)), pair => Assert.Equal(pair.First, pair.Second, 1e-7));
        }
    }

    [Fact]
    public void PositionsOfTheSameGridAreUsedAsTheyAre()
    {
        using var scope = NewDisposeScope();
        var patches = Numbers.Normal(1, 9, 8);
        Assert.Same(patches, PositionGrid.For(patches, 3, 3, 3));
    }

    [Fact]
    public void PositionsOfOtherGridsAreInterpolated()
    {
        using var scope = NewDisposeScope();
        var patches = Numbers.Normal(1, 9, 8);
        var actual = PositionGrid.For(patches, 3, 5, 2);
        var expected = nn.functional.interpolate(
            patches.transpose(1, 2).reshape(1, 8, 3, 3), size: [5, 2], mode: InterpolationMode.Bicubic, align_corners: false);
        Near(expected.permute(0, 2, 3, 1).reshape(1, 10, 8), actual, 0);
        // Bicubic interpolation keeps a constant; a ramp keeps its order.
        Near(ones(1, 25, 8), PositionGrid.For(ones(1, 9, 8), 3, 5, 5), 1e-6);
        var ramp = PositionGrid.For(arange(9, dtype: float32).reshape(1, 9, 1), 3, 6, 6).data<float>().ToArray();
        Assert.Equal(ramp.Order(), ramp.Chunk(6).SelectMany(row => row.Order()).Order());
        Assert.All(ramp.Chunk(6), row => Assert.Equal(row.Order(), row));
    }

    [Theory]
    [InlineData(Kind.Learned)]
    [InlineData(Kind.SinCos)]
    public void ImagesOfOtherSizesAreTaken(Kind kind)
    {
        using var scope = NewDisposeScope();
        using var net = Small(kind);
        var images = Images(2, 4);
        Near(Plain(net.state_dict(), Options(kind), images), net.call(images), 1e-12);
        Assert.Equal([2L, 8L], net.call(Numbers.Normal(2, 3, 4, 10).to(float64)).shape);
    }

    [Fact]
    public void ASideThatIsNoMultipleOfThePatchIsAnError()
    {
        using var scope = NewDisposeScope();
        using var net = Small(Kind.Learned);
        var error = Assert.Throws<RecipeException>(() => net.call(Images(1, 7)));
        Assert.Equal(
            "encoder.vit.patchSize: must divide the sides of images, is 2 for images of 7 x 7 pixels; change it or the size of the views",
            error.Message);
    }

    [Fact]
    public void WhatDoesNotTrainIsSavedAndStaysAsItIs()
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Create(Recipe(), 3, Computing.Cpu);
        Assert.DoesNotContain(encoder.Parameters.Segments, s => s.Name.Contains("patch_embed") || s.Name.Contains(Positions));
        Assert.Contains(encoder.Parameters.Segments, s => s.Name == "backbone.cls_token");
        Assert.Equal(
            ["backbone." + PatchBias, "backbone." + PatchWeight, "backbone." + Positions],
            encoder.named_buffers().Select(b => b.name).Where(name => name.StartsWith("backbone", StringComparison.Ordinal)).Order());
        GuardedBackward.Run((encoder.Embed(Numbers.Normal(4, 3, 8, 8)) * Numbers.Normal(4, 16)).sum());
        Assert.True(encoder.Parameters.GradientNorm() > 0);
        Assert.All(encoder.named_buffers(), b => Assert.Null(b.buffer.grad));

        // A checkpoint brings them back.
        using var saved = StateArchive.Saving();
        encoder.Exchange(saved);
        using var other = Encoder.Create(Recipe(), 4, Computing.Cpu);
        Assert.NotEqual(0, Difference(encoder, other, PatchWeight));
        other.Exchange(StateArchive.Loading(saved.Entries, "test"));
        Assert.All(new[] { PatchWeight, PatchBias, Positions, "cls_token" }, name => Assert.Equal(0, Difference(encoder, other, name)));
    }

    [Fact]
    public void AnExportedFileBringsBackWhatTrainsAndWhatDoesNot()
    {
        using var folder = new TemporaryFolder();
        const string Yaml = """
            data: { path: images }
            views:
              - randomResizedCrop: { size: 8 }
            encoder:
              backbone: vitTiny
              vit: { patchSize: 4, imageSize: 8, depth: 1, positions: sinCos, freezePatchProjection: true }
              head: { output: 16 }
            method: { name: simclr }
            optimizer: { name: sgd }
            schedule: { name: cosine, learningRate: 0.06 }
            training: { epochs: 1 }
            """;
        var reader = new RecipeReader();
        var recipe = reader.ReadText(Yaml, "test");
        using var encoder = Encoder.Create(recipe.Encoder!, 99, Computing.Cpu);
        var path = folder.File("backbone.safetensors");
        using (var stream = File.Create(path))
        {
            SafeTensors.Write(
                stream, encoder.Backbone, new Dictionary<string, string> { [ModelCard.RecipeKey] = RecipeWriter.Yaml(recipe) });
        }

        using var backbone = TrainedBackbone.Load(path, reader, CPU);
        Assert.NotEqual(0, Difference(encoder, backbone.Untrained, PatchWeight));
        Assert.All(encoder.Backbone.Keys, name => Assert.Equal(0, Difference(encoder, backbone.Encoder, name)));
        using var scope = NewDisposeScope();
        var images = Numbers.Normal(2, 3, 8, 8);
        Assert.Equal(encoder.Features(images), backbone.Encoder.Features(images));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RecomputingActivationsChangesNothing(bool low)
    {
        using var scope = NewDisposeScope();
        var compute = new Compute(CPU, low ? Precision.Bfloat16 : Precision.Float32);
        var (expected, expectedGradients) = Run(compute);
        var (actual, gradients) = Run(compute with { RecomputesActivations = true });
        Near(expected, actual, 0);
        Near(expectedGradients, gradients, 1e-7);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void BFloat16ComesCloseAndKeepsFloat32Outside(bool native)
    {
        using var scope = NewDisposeScope();
        var (expected, expectedGradients) = Run(Computing.Cpu);
        var (actual, gradients) = Run(new Compute(CPU, Precision.Bfloat16), native);
        Assert.Equal((ScalarType.Float32, ScalarType.Float32), (actual.dtype, gradients.dtype));
        Assert.InRange(Distance(expected, actual), 1e-6, 0.02);
        Assert.InRange(Distance(expectedGradients, gradients), 1e-6, 0.1);
    }

    [Fact]
    public void BothWaysToBFloat16AreTheSame()
    {
        using var scope = NewDisposeScope();
        var (expected, expectedGradients) = Run(new Compute(CPU, Precision.Bfloat16), native: true);
        var (actual, gradients) = Run(new Compute(CPU, Precision.Bfloat16), native: false);
        Near(expected, actual, 1e-6);
        Near(expectedGradients, gradients, 1e-6);
    }

    [Fact]
    public void LayoutChangesRoundingOnlyAndFiltersOnly()
    {
        using var scope = NewDisposeScope();
        var options = Recipe(frozen: false);
        using var planes = Encoder.Create(options, 3, new Compute(CPU, Precision.Float32, ChannelsLast: false));
        using var pixels = Encoder.Create(options, 3, new Compute(CPU, Precision.Float32, ChannelsLast: true));
        Assert.All(planes.Backbone.Keys, name => Assert.Equal(0, Difference(planes, pixels, name)));
        Assert.All(
            pixels.named_parameters().Where(p => p.parameter.dim() != 4), p => Assert.True(p.parameter.is_contiguous(), p.name));
        var images = Numbers.Normal(2, 3, 8, 8);
        Near(planes.Features(images), pixels.Features(images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)), 1e-5);
    }

    [Fact]
    public void InitialWeightsAreTimms()
    {
        using var scope = NewDisposeScope();
        _ = random.manual_seed(1);
        var options = new VisionTransformerOptions { Depth = 1 };
        using var net = new VisionTransformer(VisionTransformerArchitecture.Find("vitSmall", options), options);
        var state = net.state_dict();
        Assert.Equal(0.02, state["blocks.0.attn.qkv.weight"].std().item<float>(), 1e-4);
        Assert.Equal(0.02, state["blocks.0.mlp.fc2.weight"].std().item<float>(), 1e-4);
        Assert.Equal(0.02, state[Positions].std().item<float>(), 5e-4);
        Assert.InRange(state["cls_token"].std().item<float>(), 0.8e-6, 1.2e-6);
        Assert.Equal(Math.Sqrt(1.0 / 768 / 3), state[PatchWeight].std().item<float>(), 1e-4); // uniform to sqrt(1 / 768)
        Assert.All(state.Where(t => t.Key.Contains("norm") && t.Key.EndsWith("weight")), t => Assert.Equal(0, (t.Value - 1).abs().max().item<float>()));
        Assert.All(state.Where(t => t.Key.EndsWith("bias") && t.Key != PatchBias), t => Assert.Equal(0, t.Value.abs().max().item<float>()));
    }

    [Fact]
    public void InitialWeightsWithSinCosPositionsAreThoseOfMoCo()
    {
        using var scope = NewDisposeScope();
        var options = new VisionTransformerOptions { Depth = 1, Positions = PositionKind.SinCos };
        using var net = new VisionTransformer(VisionTransformerArchitecture.Find("vitSmall", options), options);
        var state = net.state_dict();
        foreach (var (name, inputs, outputs) in new[]
        {
            ("blocks.0.attn.qkv.weight", 384, 384), ("blocks.0.attn.proj.weight", 384, 384), ("blocks.0.mlp.fc1.weight", 384, 1536),
            ("blocks.0.mlp.fc2.weight", 1536, 384), (PatchWeight, 768, 384),
        })
        {
            var bound = Math.Sqrt(6.0 / (inputs + outputs));
            Assert.InRange(state[name].abs().max().item<float>(), 0.999 * bound, bound * 1.000001);
        }

        Assert.Equal(0, state[PatchBias].abs().max().item<float>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // rounds operands itself, past the layers' own call
    public void MultiplicationsAreCounted(bool rounds)
    {
        using var scope = NewDisposeScope();
        using var precision = Autocast.Enter(rounds ? Precision.Bfloat16 : Precision.Float32, CPU.type, native: false);
        var options = new VisionTransformerOptions();
        using var net = new VisionTransformer(VisionTransformerArchitecture.Find("vitTiny", options), options);
        using var count = new MultiplyCount();
        net.call(zeros(1, 3, 224, 224));
        const long Projection = 196L * 768 * 192;
        const long Block = (197L * 12 * 192 * 192) + (2L * 197 * 197 * 192);
        Assert.Equal(Projection + (12 * Block), count.Forward);
        Assert.Equal(Projection + (24 * Block), count.Backward);
    }

    [Fact]
    public void TwelveHeadsAreAnotherNetworkOfTheSameShapes()
    {
        var options = new VisionTransformerOptions { Heads = 12, Depth = 3 };
        Assert.Equal(new VisionTransformerArchitecture(384, 3, 12), VisionTransformerArchitecture.Find("vitSmall", options));
    }

    private static VisionTransformerOptions Options(Kind kind) => new()
    {
        PatchSize = 2,
        ImageSize = 6,
        Positions = kind == Kind.SinCos ? PositionKind.SinCos : PositionKind.Learned,
        Pool = kind == Kind.Mean ? TokenPool.Mean : TokenPool.Token,
        FreezePatchProjection = kind == Kind.Frozen,
    };

    /// <summary>A network in float64 whose every value is far from zero, so that each of them matters.</summary>
    private static VisionTransformer Small(Kind kind)
    {
        random.manual_seed(5);
        var net = new VisionTransformer(_small, Options(kind)).to(float64);
        using var _ = no_grad();
        foreach (var parameter in net.parameters())
        {
            parameter.add_(Numbers.Normal([.. parameter.shape]).to(float64), alpha: 0.3);
        }

        return net;
    }

    private static Tensor Images(long count, long size) => Numbers.Normal(count, 3, size, size).to(float64);

    private static EncoderOptions Recipe(bool frozen = true) => new()
    {
        Backbone = "vitTiny",
        Vit = new VisionTransformerOptions
        {
            PatchSize = 4,
            ImageSize = 8,
            Depth = 2,
            Positions = frozen ? PositionKind.SinCos : PositionKind.Learned,
            FreezePatchProjection = frozen,
        },
        Head = new HeadOptions { Output = 16 },
    };

    /// <summary>The network written out, each head and each product by itself.</summary>
    private static Tensor Plain(Dictionary<string, Tensor> state, VisionTransformerOptions options, Tensor images)
    {
        using var _ = no_grad();
        var (size, width, heads, side) = (options.PatchSize, _small.Width, _small.Heads, images.shape[2] / options.PatchSize);
        var results = new List<Tensor>();
        var positions = state[Positions][0].slice(0, 1, long.MaxValue, 1);
        if (side != 3)
        {
            positions = nn.functional.interpolate(
                positions.t().reshape(1, width, 3, 3), size: [side, side], mode: InterpolationMode.Bicubic, align_corners: false)
                .reshape(width, side * side).t();
        }

        for (var n = 0; n < images.shape[0]; n++)
        {
            var tokens = new List<Tensor> { state["cls_token"][0, 0] + state[Positions][0, 0] };
            for (var p = 0; p < side * side; p++)
            {
                var patch = images[n].narrow(1, p / side * size, size).narrow(2, p % side * size, size).reshape(-1);
                tokens.Add(state[PatchWeight].reshape(width, -1).matmul(patch) + state[PatchBias] + positions[p]);
            }

            var x = stack(tokens);
            for (var b = 0; b < _small.Depth; b++)
            {
                var block = $"blocks.{b}.";
                var qkv = Linear(state, block + "attn.qkv", Normal(state, block + "norm1", x));
                var attended = new List<Tensor>();
                for (var h = 0; h < heads; h++)
                {
                    Tensor Part(long part) => qkv.narrow(1, (part * width) + (h * width / heads), width / heads);
                    var similarities = Part(0).matmul(Part(1).t()) / Math.Sqrt(width / (double)heads);
                    var exponentials = similarities.exp();
                    attended.Add((exponentials / exponentials.sum([1], keepdim: true)).matmul(Part(2)));
                }

                x = x + Linear(state, block + "attn.proj", cat(attended, dim: 1));
                var hidden = Linear(state, block + "mlp.fc1", Normal(state, block + "norm2", x));
                hidden = hidden * (1 + (hidden / Math.Sqrt(2)).erf()) / 2;
                x = x + Linear(state, block + "mlp.fc2", hidden);
            }

            x = Normal(state, "norm", x);
            results.Add(options.Pool == TokenPool.Token ? x[0] : x.slice(0, 1, long.MaxValue, 1).mean([0]));
        }

        return stack(results);
    }

    private static Tensor Linear(Dictionary<string, Tensor> state, string name, Tensor x) =>
        x.matmul(state[name + ".weight"].t()) + state[name + ".bias"];

    private static Tensor Normal(Dictionary<string, Tensor> state, string name, Tensor x)
    {
        var centred = x - x.mean([1], keepdim: true);
        return centred / ((centred * centred).mean([1], keepdim: true) + 1e-6).sqrt() * state[name + ".weight"] + state[name + ".bias"];
    }

    /// <summary>Features and all gradients after one pass there and back.</summary>
    private static (Tensor Features, Tensor Gradients) Run(Compute compute, bool native = true)
    {
        using var encoder = Encoder.Create(Recipe(frozen: false), 5, compute);
        var images = Numbers.Normal(4, 3, 8, 8);
        Tensor features;
        using (Autocast.Enter(compute.Precision, CPU.type, native))
        {
            features = encoder.Features(images);
        }

        GuardedBackward.Run((features * Numbers.Normal([.. features.shape])).sum());
        return (features.detach(), encoder.Parameters.Gradients.clone());
    }

    private static double Difference(Encoder one, Encoder other, string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return (one.Backbone[name] - other.Backbone[name]).abs().max().ToDouble();
    }

    private static double Distance(Tensor expected, Tensor actual) => ((actual - expected).norm() / expected.norm()).ToDouble();

    private static void Near(Tensor expected, Tensor actual, double tolerance)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange((actual.detach() - expected.detach()).abs().max().ToDouble(), 0, tolerance);
    }
}
