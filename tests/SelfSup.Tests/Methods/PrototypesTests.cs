using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

public sealed class PrototypesTests
{
    /// <summary>A run that goes on is made with other weights than it goes on with.</summary>
    [Fact]
    public void WhileTheyAreHeldTheyStayAsTheyAreNotAsTheyWereMade()
    {
        var options = new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = 8 } };
        using var encoder = Encoder.Create(options, 1, Computing.Cpu, Prototypes.Parts(5));
        using var prototypes = new Prototypes(encoder, heldEpochs: 1);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var restored = Numbers.Normal(5, 8).to(float32);
        Prototypes.Of(encoder).copy_(restored);
        encoder.Parameters.Gradients.fill_(1);
        prototypes.Adjust(epoch: 0);
        Assert.All(encoder.Parameters.Of(encoder.Parameters.Gradients, "prototypes"), gradient => Assert.Equal(0, gradient.abs().sum().item<float>()));
        Prototypes.Of(encoder).mul_(0.5); // weight decay
        prototypes.Commit(epoch: 0);
        Assert.True(Prototypes.Of(encoder).equal(restored).all().item<bool>());

        prototypes.Adjust(epoch: 1);
        Prototypes.Of(encoder).mul_(0.5);
        prototypes.Commit(epoch: 1);
        Assert.True(Prototypes.Of(encoder).equal(restored * 0.5).all().item<bool>());
    }
}
