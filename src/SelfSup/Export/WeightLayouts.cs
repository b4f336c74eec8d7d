namespace SelfSup.Export;

/// <summary>
/// The layouts of published checkpoints. Whatever stands before a place (<c>state_dict.</c>, <c>model.</c>,
/// <c>classy_state_dict.base_model.model.</c>) may be anything, and <c>module.</c> of a parallel wrapper may stand anywhere; a
/// backbone that stands in no place of this table is found as well, by its names and shapes.
/// </summary>
internal static class WeightLayouts
{
    /// <summary>All of them; of two that fit, the first is said.</summary>
    public static IReadOnlyList<WeightLayout> All { get; } =
    [
        // facebookresearch/moco, moco-v3, dino: what is published and judged is the query encoder, the base encoder, the teacher.
        new("MoCo", "encoder_q.", "encoder_k."),
        new("MoCo v3", "base_encoder.", "momentum_encoder."),
        new("DINO", "teacher.backbone.", "student.backbone."),
        new("DINO", "teacher.", "student."),

        // lucidrains/byol-pytorch, lightning-bolts, deepmind's ports, sthalles/PyTorch-BYOL.
        new("BYOL", "online_encoder.net.", "target_encoder.net."),
        new("BYOL", "online_network.encoder.", "target_network.encoder."),
        new("BYOL", "online_network_state_dict.encoder.", "target_network_state_dict.encoder."),
        new("BYOL", "online_net.", "target_net."),

        // facebookresearch/vissl, ClassyVision.
        new("VISSL", "trunk._feature_blocks."),
        new("VISSL", "_feature_blocks."),

        // vturrisi/solo-learn, lightly-ai/lightly, open-mmlab/mmpretrain, facebookresearch/barlowtwins and vicreg: all say backbone.
        new(
            "solo-learn, lightly, mmpretrain, Barlow Twins, VICReg",
            "backbone.",
            "momentum_backbone.", "backbone_momentum.", "key_backbone.", "teacher_backbone.", "backbone_teacher.", "student_backbone.", "target_backbone."),

        // facebookresearch/simsiam, HobbitLong/SupContrast, older solo-learn.
        new("SimSiam, SupContrast", "encoder.", "momentum_encoder.", "encoder_momentum."),

        // pytorch/vision and timm: training scripts keep a moving average beside the model.
        new("torchvision, timm", "model.", "model_ema.", "ema."),
        new("torchvision, timm", "state_dict.", "state_dict_ema."),
        new("torchvision, timm", ""),
    ];

    /// <summary>How programs name the layers of a backbone, ours (torchvision's, and timm's for a vision transformer) first.</summary>
    public static IReadOnlyList<LayerNames> Names { get; } =
    [
        new("", name => name),

        // nn.Sequential(*list(resnet.children())): conv1, bn1, relu, maxpool, layer1 to layer4, avgpool.
        new("its layers numbered", name => Numbered(name, firstLayer: 4)),

        // lightly's own ResNet for small images has no relu and maxpool among its children, and says shortcut.
        new("lightly's small ResNet, its layers numbered", name => Shortcut(Numbered(name, firstLayer: 2))),
        new("shortcut in place of downsample", Shortcut),

        // torchvision.models.VisionTransformer.
        new("torchvision's vision transformer", TorchvisionTransformer),

        // Its weights keep the names of version 0.12; MLPBlock gives them the present ones when it loads them.
        new("torchvision's vision transformer as it is published", name => Replace(
            TorchvisionTransformer(name), (".mlp.0.", ".mlp.linear_1."), (".mlp.3.", ".mlp.linear_2."))),

        // mmpretrain.models.VisionTransformer.
        new("mmpretrain's vision transformer", MmpretrainTransformer),
    ];

    private static string Numbered(string name, int firstLayer) => name switch
    {
        _ when name.StartsWith("conv1.", StringComparison.Ordinal) => $"0.{name["conv1.".Length..]}",
        _ when name.StartsWith("bn1.", StringComparison.Ordinal) => $"1.{name["bn1.".Length..]}",
        ['l', 'a', 'y', 'e', 'r', >= '1' and <= '9' and var digit, .. var rest] => $"{digit - '1' + firstLayer}{rest}",
        _ => name,
    };

    private static string Shortcut(string name) => name.Replace(".downsample.", ".shortcut.", StringComparison.Ordinal);

    private static string TorchvisionTransformer(string name) => Replace(
        name,
        ("cls_token", "class_token"),
        ("pos_embed", "encoder.pos_embedding"),
        ("patch_embed.proj.", "conv_proj."),
        ("blocks.", "encoder.layers.encoder_layer_"),
        (".norm1.", ".ln_1."),
        (".norm2.", ".ln_2."),
        (".attn.qkv.", ".self_attention.in_proj_"),
        (".attn.proj.", ".self_attention.out_proj."),
        (".mlp.fc1.", ".mlp.0."),
        (".mlp.fc2.", ".mlp.3."),
        ("norm.", "encoder.ln."));

    private static string MmpretrainTransformer(string name) => Replace(
        name,
        ("patch_embed.proj.", "patch_embed.projection."),
        ("blocks.", "layers."),
        (".norm1.", ".ln1."),
        (".norm2.", ".ln2."),
        (".mlp.fc1.", ".ffn.layers.0.0."),
        (".mlp.fc2.", ".ffn.layers.1."),
        ("norm.", "ln1."));

    /// <summary>Replaces parts of a name: those that begin with a dot anywhere, the others where the name begins.</summary>
    private static string Replace(string name, params ReadOnlySpan<(string Ours, string Theirs)> parts)
    {
        var replaced = name;
        foreach (var (ours, theirs) in parts)
        {
            if (ours[0] == '.')
            {
                replaced = replaced.Replace(ours, theirs, StringComparison.Ordinal);
            }
            else if (name.StartsWith(ours, StringComparison.Ordinal))
            {
                replaced = theirs + replaced[ours.Length..];
            }
        }

        return replaced;
    }
}

/// <summary>How a program names the layers of a backbone.</summary>
/// <param name="What">What is said of it; empty for our own names.</param>
/// <param name="Of">A name of theirs for one of ours.</param>
internal sealed record LayerNames(string What, Func<string, string> Of);
