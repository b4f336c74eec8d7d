using SelfSup.Losses;
using SelfSup.Tests.Support;

using static SelfSup.Tests.Losses.LossGolden;
using static TorchSharp.torch;

namespace SelfSup.Tests.Losses;

/// <summary>
/// Losses against the reference implementations. Queues and memory banks are not of this room: every step starts from the
/// contents that the reference's had.
/// </summary>
internal static class LossGoldenTests
{
    [GoldenComponent("dcl")]
    internal static void DclMatchesTheReference(GoldenCase golden)
    {
        var z0 = GoldenCase.Tensor(golden.Input("z0")).requires_grad_();
        var z1 = GoldenCase.Tensor(golden.Input("z1")).requires_grad_();
        var z = Unit(cat([z0, z1]));
        Tensor loss;
        switch (golden.Params.GetProperty("loss").GetString())
        {
            case "dcl":
                loss = Dcl.Loss(z, z, 0, Temperature(golden));
                break;
            case "dclw":
                var sigma = golden.Params.GetProperty("sigma").GetDouble();
                loss = Dcl.WeightedLoss(z, z, 0, Temperature(golden), sigma);
                GoldenCase.Close(golden.Outputs.GetProperty("weights"), Dcl.Weights(z, sigma), Tolerance);
                break;
            case var other:
                Assert.Skip($"no such variant of DCL: {other}");
                return;
        }

        loss.backward();
        GoldenCase.Close(golden.Outputs.GetProperty("loss"), loss, Tolerance);
        GoldenCase.Close(golden.Gradients.GetProperty("z0"), z0.grad!, Tolerance);
        GoldenCase.Close(golden.Gradients.GetProperty("z1"), z1.grad!, Tolerance);
    }

    /// <summary>solo-learn's number beside them is of another formula, the logarithm outside the sum; it is not offered.</summary>
    [GoldenComponent("supcon")]
    internal static void SupConMatchesTheReference(GoldenCase golden)
    {
        var x = GoldenCase.Tensor(golden.Input("x")).requires_grad_();
        var (z, labels) = (Unit(x), GoldenCase.Tensor(golden.Input("labels")));
        GoldenCase.Close(golden.Outputs.GetProperty("loss_mean_all"), SupCon.Loss(z, z, labels, 0, Temperature(golden)), Tolerance);
        var loss = SupCon.Loss(z, z, labels, 0, Temperature(golden), onlyNonZero: true);
        loss.backward();
        GoldenCase.Close(golden.Outputs.GetProperty("loss"), loss, Tolerance);
        GoldenCase.Close(golden.Gradients.GetProperty("x"), x.grad!, Tolerance);
    }

    [GoldenComponent("moco")]
    internal static void InfoNceMatchesMoCosLoss(GoldenCase golden)
    {
        var (queue, weight, bias) = (golden.Input("queue_initial"), golden.Input("query_weight"), golden.Input("query_bias"));
        ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            var (w, b) = (GoldenCase.Tensor(weight).requires_grad_(), GoldenCase.Tensor(bias).requires_grad_());
            var query = Unit(nn.functional.linear(GoldenCase.Tensor(inputs.GetProperty("im_q")), w, b));
            var key = Unit(nn.functional.linear(
                GoldenCase.Tensor(inputs.GetProperty("im_k")),
                GoldenCase.Tensor(outputs.GetProperty("key_weight")),
                GoldenCase.Tensor(outputs.GetProperty("key_bias"))));
            var loss = InfoNce.Loss(query, key, GoldenCase.Tensor(queue).t().contiguous(), Temperature(golden));
            loss.backward();
            GoldenCase.Close(outputs.GetProperty("loss"), loss, Tolerance);
            GoldenCase.Close(gradients.GetProperty("query_weight"), w.grad!, Tolerance);
            GoldenCase.Close(gradients.GetProperty("query_bias"), b.grad!, Tolerance);
            (queue, weight, bias) = (
                outputs.GetProperty("queue_after"),
                outputs.GetProperty("query_weight_after_sgd"),
                outputs.GetProperty("query_bias_after_sgd"));
        });
    }

    [GoldenComponent("ntxent_memory_bank")]
    internal static void InfoNceMatchesNtXentWithAMemoryBank(GoldenCase golden)
    {
        var bank = golden.Input("bank_initial");
        ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            var z0 = GoldenCase.Tensor(inputs.GetProperty("z0")).requires_grad_();
            var z1 = GoldenCase.Tensor(inputs.GetProperty("z1")).requires_grad_();
            var loss = InfoNce.Loss(Unit(z0), Unit(z1), GoldenCase.Tensor(bank), Temperature(golden));
            loss.backward();
            GoldenCase.Close(outputs.GetProperty("loss"), loss, Tolerance);
            GoldenCase.Close(gradients.GetProperty("z0"), z0.grad!, Tolerance);
            GoldenCase.Close(gradients.GetProperty("z1"), z1.grad!, Tolerance);
            bank = outputs.GetProperty("bank_after");
        });
    }

    [GoldenComponent("instdisc_linear")]
    internal static void TheNonParametricSoftmaxMatchesTheReference(GoldenCase golden)
    {
        var memory = golden.Input("memory_initial");
        ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            var x = GoldenCase.Tensor(inputs.GetProperty("x")).requires_grad_();
            var samples = GoldenCase.Tensor(inputs.GetProperty("y"));
            var loss = NonParametricSoftmax.Loss(x, GoldenCase.Tensor(memory), samples, Temperature(golden));
            loss.backward();
            GoldenCase.Close(outputs.GetProperty("loss"), loss, Tolerance);
            GoldenCase.Close(gradients.GetProperty("x"), x.grad!, Tolerance);
            memory = outputs.GetProperty("memory_after");
        });
    }
}
