using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// A block of a vision transformer with timm's parameter names: attention of every token to every token, then a perceptron
/// for each, both over normalised tokens and added to them. What is added to stays float32 also under bfloat16.
/// </summary>
internal sealed class TransformerBlock : nn.Module<Tensor, Tensor>
{
    /// <summary>What timm's vision transformers add to a variance.</summary>
    public const double Epsilon = 1e-6;

    private const long Expansion = 4;
    private readonly int _heads;
    private readonly LayerNorm _norm1;
    private readonly Linear _qkv;
    private readonly Linear _proj;
    private readonly LayerNorm _norm2;
    private readonly Linear _fc1;
    private readonly Linear _fc2;

    /// <param name="width">D, the width of a token.</param>
    /// <param name="heads">Among how many attentions it is split.</param>
    public TransformerBlock(long width, int heads)
        : base(nameof(TransformerBlock))
    {
        _heads = heads;
        _norm1 = nn.LayerNorm(width, Epsilon);
        _qkv = nn.Linear(width, 3 * width);
        _proj = nn.Linear(width, width);
        _norm2 = nn.LayerNorm(width, Epsilon);
        _fc1 = nn.Linear(width, Expansion * width);
        _fc2 = nn.Linear(Expansion * width, width);
        register_module("norm1", _norm1);
        register_module("attn", nn.Sequential(("qkv", _qkv), ("proj", _proj)));
        register_module("norm2", _norm2);
        register_module("mlp", nn.Sequential(("fc1", _fc1), ("fc2", _fc2)));
    }

    /// <summary>Among how many attentions a token is split.</summary>
    public int Heads => _heads;

    /// <summary>What queries, keys and values are made by, in this order, and what makes one token of the heads.</summary>
    public (LayerNorm Norm, Linear Queries, Linear Output) Attention => (_norm1, _qkv, _proj);

    /// <summary>Two linear layers with a GELU between them.</summary>
    public (LayerNorm Norm, Linear Hidden, Linear Output) Perceptron => (_norm2, _fc1, _fc2);

    /// <summary>[N, T, D] to [N, T, D].</summary>
    public override Tensor forward(Tensor input)
    {
        // An inner scope frees each activation that backward does not need as soon as the block is done.
        using var scope = NewDisposeScope();
        var x = input + Attend(_norm1.call(input));
        var hidden = nn.functional.gelu(Layers.Multiply(_fc1, _norm2.call(x)));
        return (x + Layers.Multiply(_fc2, hidden)).MoveToOuterDisposeScope();
    }

    private Tensor Attend(Tensor x)
    {
        var (images, tokens, width) = (x.shape[0], x.shape[1], x.shape[2]);
        // The rows of the one weight are queries, keys and values, each head by head: three times [N, heads, T, D / heads].
        var parts = Layers.Multiply(_qkv, x)
            .view(images, tokens, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4).unbind(0);
        var attended = nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]);
        MultiplyCount.Current?.AddAttention(parts[0], tokens);
        return Layers.Multiply(_proj, attended.transpose(1, 2).reshape(images, tokens, width));
    }
}
