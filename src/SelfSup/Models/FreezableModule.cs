using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// A module some of whose values do not train. Those are buffers and not parameters, so that nothing that goes over
/// parameters touches them, weight decay and moving averages included; they are saved under the names that they would
/// have as parameters.
/// </summary>
internal abstract class FreezableModule(string name) : nn.Module<Tensor, Tensor>(name)
{
    /// <summary>Takes values in; they belong to no scope from then on.</summary>
    protected void Register(string name, Tensor values, bool trains)
    {
        if (trains)
        {
            var parameter = new Parameter(values);
            parameter.DetachFromDisposeScope();
            register_parameter(name, parameter);
        }
        else
        {
            register_buffer(name, values.DetachFromDisposeScope());
        }
    }

    /// <summary>The values of a name. Moving a module to a device or type replaces its tensors, so nobody keeps them.</summary>
    protected Tensor Value(string name) => has_parameter(name) ? get_parameter(name)! : get_buffer(name)!;
}
