using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Tensors;
using SelfSup.Tests.Checkpoints;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Runs;

/// <summary>What of other weights a new encoder begins with.</summary>
public sealed class WarmStartTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ACheckpointOfTheSameMethodFitsWholly()
    {
        using var source = Trained("byol");
        using var warm = WarmStart.Load(Save(source, 3), _ => { });
        using var encoder = New("byol", seed: 9);
        warm.ApplyTo(encoder.Encoder);
        Assert.Equal(Values(source.Method.Encoder), Values(encoder.Encoder));
        var fit = warm.Fit(encoder.Encoder);
        Assert.Equal(fit.Tensors, fit.Taken);
        Assert.Equal(encoder.Encoder.State.Count(t => !t.Name.EndsWith("num_batches_tracked", StringComparison.Ordinal)), fit.Taken);
        Assert.Equal($"begins with {fit.Taken} of {fit.Taken} tensors of {fit.From} (step 3)", fit.Message);
        Assert.Equal(fit.Message, fit.History);
        Assert.Empty(fit.Notes);
        Assert.Null(fit.Warning);
    }

    /// <summary>The second encoder follows the first and has to begin where it does.</summary>
    [Theory]
    [InlineData("moco")]
    [InlineData("mocoV3")]
    [InlineData("byol")]
    [InlineData("dino")]
    public void EveryEncoderOfAMethodBeginsAlike(string method)
    {
        using var source = Trained(method);
        var path = Save(source, 3);
        using var warm = WarmStart.Load(path, _ => { });
        using var begun = New(method, seed: 9, warm);
        Encoder[] encoders = [.. begun.Encoders];
        Assert.Equal(2, encoders.Length);
        var expected = Values(source.Method.Encoder);
        Assert.All(encoders, encoder => Assert.All(Values(encoder), value => Assert.Equal(expected[value.Key], value.Value)));
    }

    [Fact]
    public void WhatDoesNotFitIsListedAndStaysAsInitialised()
    {
        using var source = Trained("byol");
        using var warm = WarmStart.Load(Save(source, 3), _ => { });
        using var encoder = New("nnclr", seed: 9, width: 0.25, output: 12);
        var before = Values(encoder.Encoder);
        warm.ApplyTo(encoder.Encoder);
        var after = Values(encoder.Encoder);
        var fit = warm.Fit(encoder.Encoder);
        Assert.Contains("head.layers.3.weight [8, 16] there, [12, 16] here", fit.OtherShape);
        Assert.Contains("predictor.layers.0.weight [4096, 8] there, [4096, 12] here", fit.OtherShape);
        Assert.StartsWith($"init.from: {fit.OtherShape.Count} of another shape, as initialised: head.layers.3.", fit.Warning, StringComparison.Ordinal);
        foreach (var line in fit.OtherShape)
        {
            var name = line.Split(' ')[0];
            Assert.Equal(before[name], after[name]);
        }

        Assert.NotEqual(before["backbone.layer2.0.conv1.weight"], after["backbone.layer2.0.conv1.weight"]);
    }

    [Fact]
    public void APartThatOneSideAloneHasIsListed()
    {
        using var predicts = Trained("byol");
        using var plain = Trained("simclr");
        using (var warm = WarmStart.Load(Save(predicts, 1), _ => { }))
        {
            var fit = warm.Fit(plain.Method.Encoder);
            Assert.Equal((0, 0, 7), (fit.OtherShape.Count, fit.Absent.Count, fit.Unused.Count));
            Assert.StartsWith("7 there are not used: predictor.layers.", Assert.Single(fit.Notes), StringComparison.Ordinal);
            Assert.EndsWith(" and 2 more", Assert.Single(fit.Notes), StringComparison.Ordinal);
            Assert.Equal(1 + fit.Unused.Count, fit.History.Split(", ").Length + 1);
            Assert.DoesNotContain("more", fit.History, StringComparison.Ordinal);
        }

        using (var warm = WarmStart.Load(Save(plain, 2), _ => { }))
        {
            var fit = warm.Fit(predicts.Method.Encoder);
            Assert.Equal((0, 7, 0), (fit.OtherShape.Count, fit.Absent.Count, fit.Unused.Count));
            Assert.StartsWith("7 not there, as initialised: predictor.layers.", Assert.Single(fit.Notes), StringComparison.Ordinal);
        }
    }

    /// <summary>As torchvision's and timm's: half precision, a classifier, no counters.</summary>
    [Theory]
    [InlineData("float16")]
    [InlineData("bfloat16")]
    [InlineData("float64")]
    public void AFileOfAnotherProgram(string type)
    {
        using var source = Trained("simclr");
        var dtype = type == "float16" ? ScalarType.Float16 : type == "float64" ? ScalarType.Float64 : ScalarType.BFloat16;
        using var scope = NewDisposeScope();
        var tensors = source.Method.Encoder.Backbone
            .Where(t => !t.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal))
            .ToDictionary(t => t.Key, t => t.Value.detach().to(dtype));
        tensors.Add("fc.weight", ones(1000, 16));
        tensors.Add("fc.bias", ones(1000));
        var path = Path.Combine(_folder.Path, "model.safetensors");
        using (var file = File.Create(path))
        {
            SafeTensors.Write(file, tensors);
        }

        using var warm = WarmStart.Load(path, _ => { });
        using var encoder = New("simclr", seed: 9);
        warm.ApplyTo(encoder.Encoder);
        foreach (var (name, value) in encoder.Encoder.Backbone.Where(t => tensors.ContainsKey(t.Key)))
        {
            Assert.Equal(ScalarType.Float32, value.dtype);
            Assert.True(value.equal(tensors[name].to(float32)).all().item<bool>(), name);
        }

        var fit = warm.Fit(encoder.Encoder);
        Assert.Equal(["fc.bias", "fc.weight"], fit.Unused.Order());
        Assert.Equal(tensors.Count - 2, fit.Taken);
        Assert.All(fit.Absent, name => Assert.StartsWith("head.", name, StringComparison.Ordinal));
        Assert.Equal($"begins with {fit.Taken} of {tensors.Count} tensors of {path}", fit.Message);
    }

    [Fact]
    public void LayersOfTheHeadThatStayedOnTheBackboneAreFound()
    {
        var head = new HeadOptions { Layers = 3, Hidden = 24, Output = 8, Kept = 1 };
        using var source = Encoder.Create(new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = head }, 4, Computing.Cpu);
        var path = Path.Combine(_folder.Path, "backbone.safetensors");
        using (var file = File.Create(path))
        {
            SafeTensors.Write(file, source.Backbone);
        }

        using var warm = WarmStart.Load(path, _ => { });
        using var encoder = Encoder.Create(new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = head }, 5, Computing.Cpu);
        warm.ApplyTo(encoder);
        Assert.Equal(Values(source)["head.layers.0.weight"], Values(encoder)["head.layers.0.weight"]);
        Assert.DoesNotContain(warm.Fit(encoder).Absent, name => name.StartsWith("head.layers.0", StringComparison.Ordinal));
    }

    [Fact]
    public void WeightsOfAnotherArchitectureAreRefused()
    {
        using var source = Trained("simclr");
        var path = Save(source, 3);
        using var warm = WarmStart.Load(path, _ => { });
        using var wide = New("simclr", seed: 9, width: 0.5);
        var error = Assert.Throws<RecipeException>(() => warm.Fit(wide.Encoder));
        Assert.StartsWith($"init.from: {path}: no tensor of it fits the encoder's backbone; it has ", error.Message, StringComparison.Ordinal);
        Assert.Contains("the backbone has conv1.weight [8, 3, 3, 3], ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OfARunTheNewestWholeCheckpointIsTaken()
    {
        using var source = Trained("simclr");
        var older = Values(source.Method.Encoder);
        Save(source, 3);
        source.Run(3, 5);
        var state = Path.Combine(Save(source, 5), "state.safetensors");
        using (var newest = WarmStart.Load(_folder.Path, _ => { }))
        {
            Assert.EndsWith(" (step 5)", newest.Fit(source.Method.Encoder).Message, StringComparison.Ordinal);
        }

        var bytes = File.ReadAllBytes(state);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(state, bytes);
        var warnings = new List<string>();
        using var warm = WarmStart.Load(_folder.Path, warnings.Add);
        Assert.Matches("^init.from: .*damaged: its checksum.*; the one before is used$", Assert.Single(warnings));
        using var encoder = New("simclr", seed: 9);
        warm.ApplyTo(encoder.Encoder);
        Assert.Equal(older, Values(encoder.Encoder));
    }

    [Fact]
    public void WhatIsNoSourceIsNamed()
    {
        var missing = Path.Combine(_folder.Path, "nowhere");
        Assert.StartsWith(
            $"init.from: {missing}: does not exist; name a run directory", Refused<RecipeException>(missing), StringComparison.Ordinal);
        var empty = Directory.CreateDirectory(Path.Combine(_folder.Path, "empty")).FullName;
        Assert.StartsWith($"init.from: {empty}: is not a run directory", Refused<RecipeException>(empty), StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(empty, "recipe.yaml"), "run: {}");
        Assert.StartsWith($"{empty}: has no checkpoint yet", Refused<CheckpointException>(empty), StringComparison.Ordinal);
        var text = Path.Combine(_folder.Path, "x.safetensors");
        File.WriteAllText(text, "no tensors");
        Assert.StartsWith($"{text}: not a whole safetensors file", Refused<CheckpointException>(text), StringComparison.Ordinal);
    }

    [Fact]
    public void AFreshHeadIsNotTaken()
    {
        using var source = Trained("simclr");
        using var warm = WarmStart.Load(Save(source, 3), _ => { }).WithFreshHead();
        using var fresh = New("simclr", seed: 9);
        using var begun = New("simclr", seed: 9, warm);
        var (trained, untrained, values) = (Values(source.Method.Encoder), Values(fresh.Encoder), Values(begun.Encoder));
        Assert.All(values, value => Assert.Equal(
            value.Key.StartsWith("head.", StringComparison.Ordinal) ? untrained[value.Key] : trained[value.Key], value.Value));
        var fit = warm.Fit(begun.Encoder);
        Assert.Equal((fit.Tensors, 0, 0, 0), (fit.Taken, fit.Absent.Count, fit.Unused.Count, fit.OtherShape.Count));
    }

    /// <summary>SimCLR v2's first layer of the head is of the backbone.</summary>
    [Fact]
    public void ALayerOfTheHeadThatStaysOnTheBackboneIsTaken()
    {
        using var source = Trained("simclr");
        using var warm = WarmStart.Load(Save(source, 3), _ => { }).WithFreshHead();
        var options = new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = 8, Kept = 1 } };
        using var encoder = Encoder.Create(options, 9, Computing.Cpu);
        warm.ApplyTo(encoder);
        var (trained, values) = (Values(source.Method.Encoder), Values(encoder));
        Assert.Equal(trained["head.layers.0.weight"], values["head.layers.0.weight"]);
        Assert.NotEqual(trained["head.layers.3.weight"], values["head.layers.3.weight"]);
    }

    /// <summary>A part of it would be another network.</summary>
    [Fact]
    public void ADeeperRunIsWarnedOf()
    {
        EncoderOptions Thin(string backbone, int layers) =>
            new() { Backbone = backbone, Width = 0.25, Head = new HeadOptions { Layers = layers, Output = 8 } };
        using var source = Encoder.Create(Thin("resnet32", layers: 3), 4, Computing.Cpu);
        using var warm = WarmStart.Load(Save(new Inner("method", new Inner("encoder", source)), 3), _ => { });
        using var encoder = Encoder.Create(Thin("resnet20", layers: 2), 9, Computing.Cpu);
        var fit = warm.Fit(encoder);
        // Two blocks more in each of three stages, of two convolutions and two normalisations each.
        Assert.Equal(3 * 2 * (2 + (2 * 4)), fit.Deeper.Count);
        Assert.All(fit.Deeper, name => Assert.Matches(@"^backbone\.layer[123]\.[34]\.", name));
        Assert.Contains("60 there are of layers that the encoder does not have: backbone.layer1.3.", fit.Warning, StringComparison.Ordinal);
        Assert.All(fit.Unused, name => Assert.StartsWith("head.", name, StringComparison.Ordinal));
        Assert.NotEmpty(fit.Unused);
    }

    private static string Refused<TError>(string path)
        where TError : SelfSupException => Assert.Throws<TError>(() => WarmStart.Load(path, _ => { })).Message;

    private static SmallRun Trained(string method)
    {
        var run = new SmallRun(method);
        run.Run(0, 3);
        return run;
    }

    private static Method New(string method, ulong seed, WarmStart? warm = null, double width = 0.25, int output = 8)
    {
        var options = new EncoderOptions { Backbone = "resnet20", Width = width, Head = new HeadOptions { Output = output } };
        var methods = new RecipeReader().Methods;
        return methods.Create(method, Activator.CreateInstance(methods.OptionsType(method))!, new MethodContext(NewEncoder, 64, Communicator.Single));

        Encoder NewEncoder(EncoderParts? parts)
        {
            var encoder = Encoder.Create(options, seed, Computing.Cpu, parts);
            warm?.ApplyTo(encoder);
            return encoder;
        }
    }

    private static Dictionary<string, string> Values(Encoder encoder)
    {
        using var scope = NewDisposeScope();
        return encoder.State.ToDictionary(t => t.Name, t => Convert.ToHexString(t.Value.detach().contiguous().reshape(-1).bytes));
    }

    /// <summary>A checkpoint in a run's folder.</summary>
    private string Save(SmallRun run, long step) => Save(run.Trainer, step);

    private string Save(IStateful run, long step)
    {
        File.WriteAllText(Path.Combine(_folder.Path, "recipe.yaml"), "run: {}");
        using var state = StateArchive.Saving();
        state.Part("run", run);
        return new CheckpointStore(Path.Combine(_folder.Path, "checkpoints")).Write(Manifests.Of(step), state);
    }

    /// <summary>A part of a state under a name.</summary>
    private sealed class Inner(string name, IStateful part) : IStateful
    {
        public void Exchange(StateArchive archive) => archive.Part(name, part);
    }
}
