using SelfSup.Errors;
using SelfSup.Export;
using SelfSup.Models;
using SelfSup.Runs;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Export;

/// <summary>Checkpoints of other programs: where the backbone is, and which of several.</summary>
public sealed class LayoutMatchTests : IDisposable
{
    private static readonly EncoderOptions _small = new() { Backbone = "resnet18", Width = 0.125, Head = new HeadOptions { Output = 8 } };
    private static readonly EncoderOptions _vit = new() { Backbone = "vitTiny", Vit = new() { Depth = 2, PatchSize = 8, ImageSize = 32 }, Head = new HeadOptions { Output = 8 } };

    private readonly TemporaryFolder _folder = new();

    /// <summary>What is said of it, the prefix, and another network in the same file, or nothing.</summary>
    public static TheoryData<string, string, string?> Prefixes => new()
    {
        { "", "", null },
        { "torchvision, timm", "state_dict.", "state_dict_ema." },
        { "torchvision, timm", "model.module.", "model_ema.module." },
        { "MoCo", "state_dict.module.encoder_q.", "state_dict.module.encoder_k." },
        { "MoCo v3", "state_dict.module.base_encoder.", "state_dict.module.momentum_encoder." },
        { "DINO", "teacher.backbone.", "student.module.backbone." },
        { "DINO", "teacher.module.backbone.", "student.module.backbone." },
        { "BYOL", "online_encoder.net.", "target_encoder.net." },
        { "BYOL", "state_dict.online_network.encoder.", "state_dict.target_network.encoder." },
        { "SimSiam, SupContrast", "state_dict.module.encoder.", null },
        { "SimSiam, SupContrast", "model.encoder.module.", null },
        { "SimSiam, SupContrast", "state_dict.encoder.", "state_dict.momentum_encoder." },
        { "solo-learn, lightly, mmpretrain, Barlow Twins, VICReg", "state_dict.backbone.", "state_dict.momentum_backbone." },
        { "solo-learn, lightly, mmpretrain, Barlow Twins, VICReg", "model.module.backbone.", null },
        { "solo-learn, lightly, mmpretrain, Barlow Twins, VICReg", "backbone.", "backbone_momentum." },
        { "solo-learn, lightly, mmpretrain, Barlow Twins, VICReg", "state_dict.model.backbone.", "state_dict.model.key_backbone." },
        { "VISSL", "classy_state_dict.base_model.model.trunk._feature_blocks.", null },
        { "", "net.inner.", null }, // nobody's that we know
    };

    public static TheoryData<string, string> Namings => new()
    {
        { "its layers numbered", "resnet" },
        { "lightly's small ResNet, its layers numbered", "resnet" },
        { "shortcut in place of downsample", "resnet" },
        { "torchvision's vision transformer", "vit" },
        { "torchvision's vision transformer as it is published", "vit" },
        { "mmpretrain's vision transformer", "vit" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Prefixes))]
    public void TheBackboneIsFoundBehindItsPrefix(string layout, string prefix, string? copy)
    {
        using var encoder = Encoder.Create(_small, 1, Computing.Cpu);
        using var other = Encoder.Create(_small, 2, Computing.Cpu);
        var file = Write(
        [
            .. Named(encoder, prefix), .. copy is null ? [] : Named(other, copy), new(prefix + "fc.0.weight", ones(4, 4)), new("optimizer.x", ones(2)),
        ]);
        using var open = TensorFile.Open(file);
        var match = LayoutMatch.Find(open, encoder, prefix: null)!;
        Assert.Equal((layout, prefix), (match.Layout, match.Prefix));
        Assert.Equal(copy is null ? [] : [copy], match.Copies);
        Assert.Equal(encoder.Backbone.Count(t => !BackboneFile.IsCounter(t.Key)), match.Fitting);

        // The copy, where it is asked for.
        if (copy is not null)
        {
            Assert.Equal(copy, LayoutMatch.Find(open, encoder, copy)!.Prefix);
            Assert.Equal(copy, LayoutMatch.Find(open, encoder, copy[..^1])!.Prefix);
        }

        using var loaded = Encoder.Create(_small, 3, Computing.Cpu);
        BackboneFile.LoadForeign(open, loaded, null);
        Same(encoder, loaded);
    }

    [Theory]
    [MemberData(nameof(Namings))]
    public void LayersAreFoundByWhatAProgramCallsThem(string what, string network)
    {
        var options = network == "vit" ? _vit : _small;
        using var encoder = Encoder.Create(options, 1, Computing.Cpu);
        using var loaded = Encoder.Create(options, 2, Computing.Cpu);
        var names = WeightLayouts.Names.Single(naming => naming.What == what);
        Assert.Contains(encoder.Backbone.Keys, name => names.Of(name) != name);
        Assert.Equal(encoder.Backbone.Count, encoder.Backbone.Keys.Select(names.Of).Distinct().Count());
        using var file = TensorFile.Open(Write(encoder.Backbone.Select(t => KeyValuePair.Create("state_dict.backbone." + names.Of(t.Key), t.Value))));
        var match = BackboneFile.LoadForeign(file, loaded, null);
        Assert.Equal($"solo-learn, lightly, mmpretrain, Barlow Twins, VICReg, {what}", match.Layout);
        Same(encoder, loaded);
    }

    /// <summary>As the programs have them.</summary>
    [Fact]
    public void NamesOfTheProgramsThemselves()
    {
        string[] Of(string what, params string[] names) => [.. names.Select(WeightLayouts.Names.Single(naming => naming.What == what).Of)];
        Assert.Equal(
            ["0.weight", "1.running_mean", "4.0.conv1.weight", "7.1.bn2.bias", "5.0.downsample.0.weight"],
            Of("its layers numbered", "conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer4.1.bn2.bias", "layer2.0.downsample.0.weight"));
        Assert.Equal(
            ["0.weight", "2.0.conv1.weight", "3.0.shortcut.1.bias"],
            Of("lightly's small ResNet, its layers numbered", "conv1.weight", "layer1.0.conv1.weight", "layer2.0.downsample.1.bias"));
        Assert.Equal(
            [
                "class_token", "encoder.pos_embedding", "conv_proj.weight", "encoder.layers.encoder_layer_11.ln_1.weight",
                "encoder.layers.encoder_layer_0.self_attention.in_proj_weight", "encoder.layers.encoder_layer_0.self_attention.out_proj.bias",
                "encoder.layers.encoder_layer_0.mlp.0.weight", "encoder.layers.encoder_layer_0.mlp.3.bias", "encoder.ln.weight",
            ],
            Of(
                "torchvision's vision transformer", "cls_token", "pos_embed", "patch_embed.proj.weight", "blocks.11.norm1.weight",
                "blocks.0.attn.qkv.weight", "blocks.0.attn.proj.bias", "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc2.bias", "norm.weight"));
        // As those that torchvision publishes are still named; its MLPBlock renames them as it loads them.
        Assert.Equal(
            ["encoder.layers.encoder_layer_0.mlp.linear_1.weight", "encoder.layers.encoder_layer_0.mlp.linear_2.bias", "encoder.ln.weight"],
            Of("torchvision's vision transformer as it is published", "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc2.bias", "norm.weight"));
        Assert.Equal(
            ["cls_token", "patch_embed.projection.bias", "layers.3.ln1.weight", "layers.3.attn.qkv.bias", "layers.3.ffn.layers.0.0.weight", "layers.3.ffn.layers.1.bias", "ln1.bias"],
            Of(
                "mmpretrain's vision transformer", "cls_token", "patch_embed.proj.bias", "blocks.3.norm1.weight", "blocks.3.attn.qkv.bias",
                "blocks.3.mlp.fc1.weight", "blocks.3.mlp.fc2.bias", "norm.bias"));
    }

    [Fact]
    public void TwoNetworksThatFitAlikeAreToBeChosenFrom()
    {
        using var encoder = Encoder.Create(_small, 1, Computing.Cpu);
        using var file = TensorFile.Open(Write([.. Named(encoder, "left."), .. Named(encoder, "right.")]));
        var error = Assert.Throws<RecipeException>(() => LayoutMatch.Find(file, encoder, null));
        Assert.Equal($"init.from: {file.Path} holds 2 networks that fit alike, under 'left.', 'right.'; say which one by init.prefix", error.Message);
        Assert.Equal("right.", LayoutMatch.Find(file, encoder, "right")!.Prefix);
        Assert.StartsWith("init.prefix: no tensor of ", Assert.Throws<RecipeException>(() => LayoutMatch.Find(file, encoder, "middle")).Message, StringComparison.Ordinal);
    }

    /// <summary>A wider network beside it is no match, whatever comes first.</summary>
    [Fact]
    public void TheNetworkOfTheRightShapeIsFound()
    {
        using var encoder = Encoder.Create(_small, 1, Computing.Cpu);
        using var wide = Encoder.Create(new EncoderOptions { Backbone = "resnet18", Width = 0.25, Head = new HeadOptions { Output = 8 } }, 1, Computing.Cpu);
        using (var file = TensorFile.Open(Write([.. Named(wide, "a.encoder_q."), .. Named(encoder, "b.")])))
        {
            Assert.Equal("b.", LayoutMatch.Find(file, encoder, null)!.Prefix);
        }

        using (var file = TensorFile.Open(Write([.. Named(wide, "a.encoder_q.")])))
        {
            Assert.Null(LayoutMatch.Find(file, encoder, null));
            var error = Assert.Throws<CheckpointException>(() => BackboneFile.LoadForeign(file, encoder, null));
            Assert.Contains("100 tensors of it are missing or have another shape (backbone.conv1.weight, ", error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>
    /// All that a ResNet-18 needs is in a ResNet-34, and it would be another network: nothing is judged that nobody trained, and
    /// a run that begins with it is warned.
    /// </summary>
    [Theory]
    [InlineData("resnet18", "", 80, "layer1.2.bn1.bias")]
    [InlineData("resnet18", "its layers numbered", 80, "4.2.bn1.bias")]
    [InlineData("vit", "", 12, "blocks.2.attn.proj.bias")]
    [InlineData("vit", "torchvision's vision transformer", 12, "encoder.layers.encoder_layer_2.ln_1.bias")]
    public void PartOfADeeperNetworkIsNotTheNetwork(string network, string what, int more, string first)
    {
        var deep = network == "vit"
            ? new EncoderOptions { Backbone = "vitTiny", Vit = new() { Depth = 3, PatchSize = 8, ImageSize = 32 }, Head = _vit.Head }
            : new EncoderOptions { Backbone = "resnet34", Width = 0.125, Head = _small.Head };
        using var encoder = Encoder.Create(network == "vit" ? _vit : _small, 1, Computing.Cpu);
        using var other = Encoder.Create(deep, 2, Computing.Cpu);
        var names = WeightLayouts.Names.Single(naming => naming.What == what);
        var path = Write(
        [
            .. other.Backbone.Where(t => !BackboneFile.IsCounter(t.Key)).Select(t => KeyValuePair.Create("model." + names.Of(t.Key), t.Value)),
            new("model.fc.weight", ones(2, 2)), new("model.9.weight", ones(2, 2)), new("model.projection_head.2.weight", ones(2, 2)),
        ]);
        using (var file = TensorFile.Open(path))
        {
            Assert.Equal(
                $"{path}: is a deeper network than the recipe describes: it has {more} tensors of layers more (model.{first}); name a recipe of its architecture",
                Assert.Throws<CheckpointException>(() => BackboneFile.LoadForeign(file, encoder, null)).Message);
        }

        using var warm = WarmStart.Load(path, _ => { });
        var fit = warm.Fit(encoder);
        Assert.StartsWith($"init.from: {more} there are of layers that the encoder does not have: model.", fit.Warning, StringComparison.Ordinal);
        Assert.Equal(["model.9.weight", "model.fc.weight", "model.projection_head.2.weight"], fit.Unused.Order());
    }

    /// <summary>A counter is no weight; one of an odd shape does no harm.</summary>
    [Fact]
    public void ACounterThatIsAListIsLeftOut()
    {
        using var encoder = Encoder.Create(_small, 1, Computing.Cpu);
        using var loaded = Encoder.Create(_small, 2, Computing.Cpu);
        using var file = TensorFile.Open(Write(encoder.Backbone.Select(t => KeyValuePair.Create(t.Key, BackboneFile.IsCounter(t.Key) ? ones(1) : t.Value))));
        BackboneFile.LoadForeign(file, loaded, null);
        Assert.Equal(0, loaded.Backbone["bn1.num_batches_tracked"].item<long>());
        Assert.True(encoder.Backbone["conv1.weight"].equal(loaded.Backbone["conv1.weight"]).all().item<bool>());
    }

    /// <summary>As the model does for images of another size.</summary>
    [Fact]
    public void PositionsOfAnotherGridAreInterpolated()
    {
        var options = new EncoderOptions { Backbone = "vitTiny", Vit = new() { Depth = 2, PatchSize = 8, ImageSize = 48 }, Head = new HeadOptions { Output = 8 } };
        using var encoder = Encoder.Create(_vit, 1, Computing.Cpu);
        using var larger = Encoder.Create(options, 2, Computing.Cpu);
        using var file = TensorFile.Open(Write(Named(encoder, "")));
        BackboneFile.LoadForeign(file, larger, null);
        using var scope = NewDisposeScope();
        Assert.Equal([1L, 37L, 192L], larger.Backbone["pos_embed"].shape);
        var images = Numbers.Normal(2, 3, 48, 48);
        Assert.InRange((encoder.Features(images) - larger.Features(images)).abs().max().item<float>(), 0, 1e-5);

        // A token more, as distilled ones have, is no grid.
        Assert.False(PositionGrid.CanBecome([1, 18, 192], [1, 37, 192]));
        Assert.False(PositionGrid.CanBecome([1, 17, 192], [1, 37, 384]));
    }

    private string Write(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        var path = _folder.File("x.safetensors");
        using var stream = File.Create(path);
        SafeTensors.Write(stream, tensors);
        return path;
    }

    private static IEnumerable<KeyValuePair<string, Tensor>> Named(Encoder encoder, string prefix) =>
        encoder.Backbone.Select(t => KeyValuePair.Create(prefix + t.Key, t.Value));

    private static void Same(Encoder expected, Encoder actual) => Assert.All(
        expected.Backbone, t => Assert.True(t.Value.equal(actual.Backbone[t.Key]).all().item<bool>(), t.Key));
}
