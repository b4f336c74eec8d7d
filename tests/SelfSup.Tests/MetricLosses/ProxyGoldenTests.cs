using SelfSup.MetricLosses;
using SelfSup.Tests.Support;

using static SelfSup.Tests.Losses.LossGolden;
using static TorchSharp.torch;

namespace SelfSup.Tests.MetricLosses;

/// <summary>Losses over classes and ranking losses against the reference implementations.</summary>
internal static class ProxyGoldenTests
{
    [GoldenComponent("proxy_losses")]
    internal static void ProxyLossesMatchTheReference(GoldenCase golden)
    {
        var (x, proxies) = (Learned(golden.Input("x")), Learned(golden.Input("proxies")));
        var labels = GoldenCase.Tensor(golden.Input("labels"));
        Tensor loss;
        if (golden.Params.TryGetProperty("softmax_scale", out var scale))
        {
            loss = ProxyNca.Loss(Unit(x), Unit(proxies), labels, scale.GetDouble(), ownInDenominator: true);
            Close(
                golden.Outputs.GetProperty("loss_paper_denominator"),
                ProxyNca.Loss(Unit(x), Unit(proxies), labels, scale.GetDouble(), ownInDenominator: false));
        }
        else
        {
            loss = ProxyAnchor.Loss(Unit(x), Unit(proxies), labels, Parameter(golden, "margin"), Parameter(golden, "alpha"));
        }

        Close(golden.Outputs.GetProperty("loss"), loss);
        GradientsAreClose(loss, (golden.Gradients.GetProperty("x"), x), (golden.Gradients.GetProperty("proxies"), proxies));
    }

    [GoldenComponent("margin_softmax")]
    internal static void MarginsMatchTheReference(GoldenCase golden)
    {
        var (x, w) = (Learned(golden.Input("x")), Learned(golden.Input("W")));
        var (labels, scale) = (GoldenCase.Tensor(golden.Input("labels")), Parameter(golden, "scale"));
        var classes = Unit(w.t());
        var loss = golden.Name.Split('_')[0] switch
        {
            "sphereface" => MarginSoftmax.SphereFace(x, classes, labels, golden.Params.GetProperty("margin").GetInt32(), scale),
            "cosface" => MarginSoftmax.CosFace(Unit(x), classes, labels, Parameter(golden, "margin"), scale),
            "arcface" => MarginSoftmax.ArcFace(Unit(x), classes, labels, Parameter(golden, "margin_radians"), scale),
            var other => throw new InvalidOperationException($"no such margin: {other}"),
        };
        Close(golden.Outputs.GetProperty("target_cosines"), ClassCosines.Own(Unit(x), classes, labels));
        Close(golden.Outputs.GetProperty("loss"), loss);
        GradientsAreClose(loss, (golden.Gradients.GetProperty("x"), x), (golden.Gradients.GetProperty("W"), w));
    }

    [GoldenComponent("ranking")]
    internal static void RankingLossesMatchTheReference(GoldenCase golden)
    {
        var (outputs, gradients) = (golden.Outputs, golden.Gradients);
        if (golden.Inputs.TryGetProperty("s1", out var s1))
        {
            var (first, second) = (Learned(s1), Learned(golden.Input("s2")));
            var loss = MarginRanking.Loss(first, second, GoldenCase.Tensor(golden.Input("y")), Parameter(golden, "margin"));
            Close(outputs.GetProperty("loss"), loss);
            GradientsAreClose(loss, (gradients.GetProperty("s1"), first), (gradients.GetProperty("s2"), second));
            return;
        }

        var scores = Learned(golden.Input("scores"));
        var labels = GoldenCase.Tensor(golden.Input("labels"));
        if (golden.Params.TryGetProperty("sigma", out var given))
        {
            var sigma = given.GetDouble();
            var (hard, soft) = (RankNet.Loss(scores, labels, sigma), RankNet.SoftLoss(scores, labels, sigma));
            Close(outputs.GetProperty("ranknet"), hard);
            GradientsAreClose(hard, (gradients.GetProperty("ranknet"), scores));
            Close(outputs.GetProperty("ranknet_soft"), soft);
            GradientsAreClose(soft, (gradients.GetProperty("ranknet_soft"), scores));
            return;
        }

        var lists = ListNet.Loss(scores, labels);
        Close(outputs.GetProperty("loss"), lists);
        GradientsAreClose(lists, (gradients.GetProperty("scores"), scores));
    }
}
