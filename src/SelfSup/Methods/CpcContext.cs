using SelfSup.Models;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// What CPC predicts with: a context network over the rows of patches, and for every number of rows ahead a linear map from
/// a context to the patch there. The network is Hénaff et al.'s (2020, https://arxiv.org/abs/1905.09272, appendix), residual
/// blocks of 1x1, 1x3, causal 2x1 and 1x1 convolutions. It normalises nothing, so that no image sees another.
/// </summary>
internal sealed class CpcContext : nn.Module<Tensor, Tensor>
{
    private readonly Block[] _layers;
    private readonly Linear[] _ahead;

    /// <param name="embedding">D, the width of a patch and of a context.</param>
    /// <param name="layers">How many blocks; each sees one row further up.</param>
    /// <param name="width">Hidden channels of a block.</param>
    /// <param name="steps">K, how many rows ahead it predicts.</param>
    public CpcContext(long embedding, int layers, int width, int steps)
        : base(nameof(CpcContext))
    {
        _layers = [.. Enumerable.Range(0, layers).Select(_ => new Block(embedding, width))];
        _ahead = [.. Enumerable.Range(0, steps).Select(_ => nn.Linear(embedding, embedding, hasBias: false))];
        register_module("layers", nn.ModuleList(_layers));
        register_module("ahead", nn.ModuleList(_ahead));
    }

    /// <summary>Contexts: [N, rows, columns, D] to the same shape; that of a row is a function of it and of those above.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = input.permute(0, 3, 1, 2); // channels last as it lies
        foreach (var layer in _layers)
        {
            x = layer.call(x);
        }

        return x.relu().permute(0, 2, 3, 1).MoveToOuterDisposeScope();
    }

    /// <summary>W_k c: what every context says of the patch k rows below it, as far as there is one.</summary>
    /// <param name="contexts">[N, rows, columns, D].</param>
    /// <param name="k">Rows ahead, from 1.</param>
    /// <returns>[N, rows - k, columns, D].</returns>
    public Tensor Predict(Tensor contexts, int k)
    {
        using var scope = NewDisposeScope();
        var seeing = contexts.narrow(1, 0, contexts.shape[1] - k);
        var predictions = Layers.Multiply(_ahead[k - 1], seeing.reshape(-1, contexts.shape[3]));
        return predictions.reshape(seeing.shape).MoveToOuterDisposeScope();
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d _narrow;
        private readonly Conv2d _across;
        private readonly Conv2d _down;
        private readonly Conv2d _widen;

        public Block(long embedding, int width)
            : base(nameof(Block))
        {
            register_module("narrow", _narrow = nn.Conv2d(embedding, width, 1));
            register_module("across", _across = nn.Conv2d(width, width, (1, 3), padding: (0, 1)));
            register_module("down", _down = nn.Conv2d(width, width, (2, 1), padding: (1, 0)));
            register_module("widen", _widen = nn.Conv2d(width, embedding, 1));
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = Layers.Convolve(_across, Layers.Convolve(_narrow, input).relu_());
            // Padded by a row above and one below, output r comes of rows r - 1 and r; the last one, of the row below, is dropped.
            x = Layers.Convolve(_down, x).narrow(2, 0, input.shape[2]).relu();
            return (input + Layers.Convolve(_widen, x)).MoveToOuterDisposeScope();
        }
    }
}
