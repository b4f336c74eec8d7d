using System.Globalization;
using System.Text.RegularExpressions;

using SelfSup.Export;
using SelfSup.Models;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Models;

public sealed partial class ProjectionHeadTests
{
    [GoldenComponent("mlp_heads")]
    internal static void MatchesTheReference(GoldenCase golden)
    {
        var layers = golden.Params.GetProperty("layers").EnumerateArray().Select(l => l.GetString()!).ToArray();
        using var head = new ProjectionHead(Options(layers, out var inputs), inputs);
        head.to(float64);
        var state = head.state_dict();
        using (no_grad())
        {
            foreach (var parameter in golden.Inputs.GetProperty("parameters").EnumerateObject())
            {
                state[parameter.Name].copy_(GoldenCase.Tensor(parameter.Value));
            }
        }

        var given = golden.Inputs.GetProperty("parameters").EnumerateObject().Select(p => p.Name);
        Assert.Equal(given.Order(), state.Keys.Where(k => !k.EndsWith("num_batches_tracked", StringComparison.Ordinal)).Order());
        var x = GoldenCase.Tensor(golden.Input("x")).requires_grad_();
        head.train();
        var y = head.call(x);
        GoldenCase.Close(golden.Outputs.GetProperty("y_train"), y, 1e-9);
        (y * GoldenCase.Tensor(golden.Input("cotangent"))).sum().backward();
        var parameters = head.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach (var gradient in golden.Gradients.EnumerateObject())
        {
            GoldenCase.Close(gradient.Value, gradient.Name == "x" ? x.grad! : parameters[gradient.Name].grad!, 1e-9);
        }

        foreach (var running in golden.Outputs.GetProperty("running_after").EnumerateObject())
        {
            GoldenCase.Close(running.Value, head.state_dict()[running.Name], 1e-9);
        }

        head.eval();
        GoldenCase.Close(golden.Outputs.GetProperty("y_eval"), head.call(x), 1e-9);
    }

    [Fact]
    public void TheDefaultIsSimClrsHead()
    {
        using var head = new ProjectionHead(new HeadOptions(), 512);
        Assert.Equal(
            ["layers.0.weight", "layers.1.bias", "layers.1.weight", "layers.3.bias", "layers.3.weight"],
            head.named_parameters().Select(p => p.name).Order());
        Assert.Equal([512, 512], head.get_parameter("layers.0.weight")!.shape);
        Assert.Equal([128, 512], head.get_parameter("layers.3.weight")!.shape);
    }

    [Fact]
    public void KeptLayersMakeFeaturesAndAreExported()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var options = new EncoderOptions
        {
            Backbone = "resnet20",
            Width = 0.25,
            Head = new HeadOptions { Layers = 3, Hidden = 24, Output = 8, BatchNorm = HeadNorm.All, Kept = 1 },
        };
        using var encoder = Encoder.Create(options, 1, Computing.Cpu);
        encoder.Embed(Numbers.Normal(6, 3, 8, 8)); // statistics that are not those of the beginning
        encoder.eval();
        using var _ = no_grad();
        var features = encoder.Features(Numbers.Normal(2, 3, 8, 8));
        Assert.Equal([2, 24], features.shape);
        Assert.True(features.min().item<float>() >= 0); // behind normalisation and ReLU

        string[] kept = [.. encoder.Backbone.Keys.Where(name => name.StartsWith("head.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        Assert.Equal(
            [
                "head.layers.0.weight", "head.layers.1.bias", "head.layers.1.num_batches_tracked", "head.layers.1.running_mean",
                "head.layers.1.running_var", "head.layers.1.weight",
            ],
            kept);
        using (var stream = File.Create(folder.File("x.safetensors")))
        {
            SafeTensors.Write(stream, encoder.Backbone);
        }

        using var other = Encoder.Create(options, 2, Computing.Cpu);
        BackboneFile.Load(folder.File("x.safetensors"), other.Backbone);
        other.eval();
        Assert.True(other.Features(Numbers.Normal(2, 3, 8, 8)).equal(features).all().item<bool>());
    }

    /// <summary>The options that give a reference's list of layers.</summary>
    private static HeadOptions Options(string[] layers, out long inputs)
    {
        var linear = layers.Select((l, i) => (Match: Linear().Match(l), Index: i)).Where(l => l.Match.Success).ToArray();
        long Width(int i, string group) => long.Parse(linear[i].Match.Groups[group].Value, CultureInfo.InvariantCulture);
        bool Bias(int i) => linear[i].Match.Groups["bias"].Value == "True";
        string? After(int i) => linear[i].Index + 1 < layers.Length ? layers[linear[i].Index + 1] : null;
        bool Norm(int i) => After(i)?.StartsWith("batchnorm", StringComparison.Ordinal) ?? false;

        var last = linear.Length - 1;
        inputs = Width(0, "in");
        return new HeadOptions
        {
            Layers = linear.Length,
            Hidden = last > 0 ? (int)Width(0, "out") : null,
            Output = (int)Width(last, "out"),
            BatchNorm = Norm(last) ? HeadNorm.All : last > 0 && Norm(0) ? HeadNorm.Hidden : HeadNorm.None,
            HiddenBias = last > 0 ? Bias(0) : null,
            OutputBias = Bias(last),
            OutputAffine = !(After(last)?.Contains("affine=False", StringComparison.Ordinal) ?? false),
        };
    }

    [GeneratedRegex(@"^linear\((?<in>\d+),(?<out>\d+),bias=(?<bias>\w+)\)$")]
    private static partial Regex Linear();
}
