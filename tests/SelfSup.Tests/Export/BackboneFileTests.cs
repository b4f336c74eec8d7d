using SelfSup.Errors;
using SelfSup.Export;
using SelfSup.Models;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Export;

public sealed class BackboneFileTests : IDisposable
{
    private static readonly EncoderOptions _small = new() { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = 8 } };
    private static readonly EncoderOptions _vit = new() { Backbone = "vitTiny", Vit = new() { Depth = 1 } };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>torchvision's resnet18 has 122 entries, two of them the classifier's.</summary>
    [Fact]
    public void EveryTensorIsThereOnceUnderItsNameInTorchvision()
    {
        using var encoder = Encoder.Create(new EncoderOptions { Backbone = "resnet18" }, 1, Computing.Cpu);
        string[] names = [.. encoder.Backbone.Keys];
        Assert.Equal(120, names.Length);
        string[] of = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
        Assert.Superset(new HashSet<string>(["conv1.weight", .. of.Select(part => $"bn1.{part}"), "layer2.0.downsample.0.weight"]), new HashSet<string>(names));
        Assert.All(names, name => Assert.Matches(@"^(conv1|bn1|layer[1-4]\.[01]\.(conv[12]|bn[12]|downsample\.[01]))\.\w+$", name));
    }

    [Fact]
    public void AndInTimm()
    {
        using var encoder = Encoder.Create(_vit, 1, Computing.Cpu);
        Assert.Equal(
            [
                "blocks.0.attn.proj.bias", "blocks.0.attn.proj.weight", "blocks.0.attn.qkv.bias", "blocks.0.attn.qkv.weight",
                "blocks.0.mlp.fc1.bias", "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc2.bias", "blocks.0.mlp.fc2.weight",
                "blocks.0.norm1.bias", "blocks.0.norm1.weight", "blocks.0.norm2.bias", "blocks.0.norm2.weight",
                "cls_token", "norm.bias", "norm.weight", "patch_embed.proj.bias", "patch_embed.proj.weight", "pos_embed",
            ],
            encoder.Backbone.Keys.Order(StringComparer.Ordinal));
    }

    /// <summary>What earlier versions wrote twice is read once; what nobody knows is still refused.</summary>
    [Fact]
    public void AFileOfAnEarlierVersionIsRead()
    {
        using var encoder = Encoder.Create(_small, 1, Computing.Cpu);
        using var other = Encoder.Create(_small, 2, Computing.Cpu);
        Write("x.safetensors", encoder, "_conv1.weight");
        BackboneFile.Load(_folder.File("x.safetensors"), other.Backbone);
        Assert.All(encoder.Backbone, t => Assert.True(t.Value.equal(other.Backbone[t.Key]).all().item<bool>(), t.Key));
        Write("y.safetensors", encoder, "conv9.weight");
        var error = Assert.Throws<CheckpointException>(() => BackboneFile.Load(_folder.File("y.safetensors"), other.Backbone));
        Assert.Contains("1 are unknown (conv9.weight)", error.Message, StringComparison.Ordinal);
    }

    private void Write(string name, Encoder encoder, string more)
    {
        using var stream = File.Create(_folder.File(name));
        var tensors = new Dictionary<string, Tensor>(encoder.Backbone) { [more] = encoder.Backbone["conv1.weight"] };
        SafeTensors.Write(stream, tensors);
    }
}
