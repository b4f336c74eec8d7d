using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// Sees what goes into and comes out of every module of some networks on this thread while it lasts, in the order in which it is
/// computed: what is inside a module comes before the module itself. Normalisations come with the shortcut and the ReLU behind
/// them where they are one operation.
/// </summary>
internal sealed class OutputWatch : IDisposable
{
    [ThreadStatic]
    private static OutputWatch? _current;

    private readonly Action<nn.Module, Tensor, Tensor> _see;
    private readonly List<Action> _unhook = [];

    /// <summary>Begins to watch; one at a time.</summary>
    /// <param name="networks">The networks.</param>
    /// <param name="see">Told of a module, its input and its output.</param>
    public OutputWatch(IEnumerable<nn.Module> networks, Action<nn.Module, Tensor, Tensor> see)
    {
        _see = see;
        foreach (var module in networks.SelectMany(network => network.modules()).OfType<nn.Module<Tensor, Tensor>>())
        {
            var hook = module.register_forward_hook((called, input, output) =>
            {
                see(called, input, output);
                return output;
            });
            _unhook.Add(hook.remove);
        }

        _current = this;
    }

    /// <summary>Tells whoever watches this thread, if anybody does, of a layer that is computed without being called.</summary>
    public static void See(nn.Module layer, Tensor input, Tensor output) => _current?._see(layer, input, output);

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        _current = null;
        _unhook.ForEach(unhook => unhook());
    }
}
