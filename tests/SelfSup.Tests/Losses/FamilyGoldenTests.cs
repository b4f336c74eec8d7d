using SelfSup.Losses;
using SelfSup.Tests.Support;

using static SelfSup.Tests.Losses.LossGolden;
using static TorchSharp.torch;

namespace SelfSup.Tests.Losses;

/// <summary>
/// The losses without negatives, with prototypes and with drawn negatives against the reference implementations. Queues, memory
/// banks and centres are not of this room: every step starts from the contents that the reference's had.
/// </summary>
internal static class FamilyGoldenTests
{
    [GoldenComponent("barlow_twins")]
    internal static void BarlowTwinsMatchesTheReference(GoldenCase golden)
    {
        var (z1, z2) = (Learned(golden.Input("z1")), Learned(golden.Input("z2")));
        var loss = BarlowTwins.Loss(z1, z2, Parameter(golden, "lambda"));
        Close(golden.Outputs.GetProperty("loss"), loss);
        Close(golden.Outputs.GetProperty("on_diagonal"), BarlowTwins.Loss(z1, z2, 0));
        Close(golden.Outputs.GetProperty("loss_solo_scaled"), loss * Parameter(golden, "scale_loss_solo"));
        GradientsAreClose(loss, (golden.Gradients.GetProperty("z1"), z1), (golden.Gradients.GetProperty("z2"), z2));
    }

    [GoldenComponent("vicreg")]
    internal static void VicRegMatchesTheReferences(GoldenCase golden)
    {
        var (z1, z2) = (Learned(golden.Input("z1")), Learned(golden.Input("z2")));
        Tensor Loss(VicRegWeights weights) => VicReg.Loss(z1, z2, weights);
        Close(golden.Outputs.GetProperty("invariance"), Loss(new VicRegWeights(1, 0, 0)));
        foreach (var (name, convention) in new[] { ("loss_lightly", VicRegConvention.Authors), ("loss_solo", VicRegConvention.Paper) })
        {
            var loss = Loss(new VicRegWeights(Parameter(golden, "lambda"), Parameter(golden, "mu"), Parameter(golden, "nu"), convention));
            Close(golden.Outputs.GetProperty(name), loss);
            GradientsAreClose(
                loss, (golden.Gradients.GetProperty($"{name}.z1"), z1), (golden.Gradients.GetProperty($"{name}.z2"), z2));
        }
    }

    [GoldenComponent("byol_simsiam")]
    internal static void TheNegativeCosineMatchesByolAndSimSiam(GoldenCase golden)
    {
        var (p1, p2) = (Learned(golden.Input("p1")), Learned(golden.Input("p2")));
        var (z1, z2) = (Learned(golden.Input("z1")), Learned(golden.Input("z2")));
        Tensor Loss(Tensor prediction, Tensor target) => NegativeCosine.Loss(prediction, target.detach());
        foreach (var (name, loss) in new[]
        {
            ("byol_p1_z2", 2 + (2 * Loss(p1, z2))),
            ("simsiam_p1_z2", Loss(p1, z2)),
            ("negative_cosine_p1_z2", NegativeCosine.Loss(p1, z2)),
            ("byol_symmetric", 4 + (2 * (Loss(p1, z2) + Loss(p2, z1)))),
            ("simsiam_symmetric", (Loss(p1, z2) + Loss(p2, z1)) / 2),
        })
        {
            Close(golden.Outputs.GetProperty(name), loss);
            var learned = new[] { ("p1", p1), ("p2", p2), ("z2", z2) }
                .Where(l => golden.Gradients.TryGetProperty($"{name}.{l.Item1}", out var _))
                .Select(l => (golden.Gradients.GetProperty($"{name}.{l.Item1}"), l.Item2));
            GradientsAreClose(loss, [.. learned]);
        }
    }

    [GoldenComponent("swav")]
    internal static void SwappedPredictionMatchesSwav(GoldenCase golden)
    {
        Tensor[] high = [.. golden.Input("high").EnumerateArray().Select(Learned)];
        Tensor[] low = [.. golden.Input("low").EnumerateArray().Select(Learned)];
        Tensor[] queue = golden.Inputs.TryGetProperty("queue", out var stored) ? Each(stored) : [];
        var iterations = (int)Parameter(golden, "sinkhorn_iterations");
        Tensor[] codes = [.. high.Select((scores, view) => Sinkhorn.Codes(
            queue.Length == 0 ? scores : cat([scores, queue[view]]), Parameter(golden, "sinkhorn_epsilon"), iterations)
            .narrow(0, 0, scores.shape[0]))];
        foreach (var (expected, actual) in golden.Outputs.GetProperty("codes").EnumerateArray().Zip(codes))
        {
            Close(expected, actual);
            Assert.False(actual.requires_grad);
        }

        var loss = CrossViewPrediction.Loss([.. high, .. low], codes, Temperature(golden));
        Close(golden.Outputs.GetProperty("loss"), loss);
        GradientsAreClose(loss, [
            .. golden.Gradients.GetProperty("high").EnumerateArray().Zip(high),
            .. golden.Gradients.GetProperty("low").EnumerateArray().Zip(low),
        ]);
    }

    [GoldenComponent("dino")]
    internal static void CrossViewPredictionMatchesDino(GoldenCase golden)
    {
        if (golden.Name == "teacher_temp_schedule")
        {
            return; // the method's, and tested with it
        }

        var centre = golden.Input("center_initial");
        ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            Tensor[] targets = [.. Each(inputs.GetProperty("teacher"))
                .Select(t => ((t - GoldenCase.Tensor(centre)) / Parameter(golden, "teacher_temp")).softmax(1))];
            Tensor[] student = [.. inputs.GetProperty("student").EnumerateArray().Select(Learned)];
            var loss = CrossViewPrediction.Loss(student, targets, Parameter(golden, "student_temp"));
            Close(outputs.GetProperty("loss"), loss);
            GradientsAreClose(loss, [.. gradients.GetProperty("student").EnumerateArray().Zip(student)]);
            centre = outputs.GetProperty("center_after");
        });
    }

    [GoldenComponent("nnclr")]
    internal static void InBatchInfoNceMatchesNnclr(GoldenCase golden)
    {
        var queue = golden.Input("queue_initial");
        ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            var (p1, p2) = (Learned(inputs.GetProperty("p1")), Learned(inputs.GetProperty("p2")));
            Tensor Loss(string number, Tensor predictions)
            {
                var slots = GoldenCase.Tensor(queue);
                var nearest = Unit(GoldenCase.Tensor(inputs.GetProperty($"z{number}"))).mm(slots.t()).argmax(1);
                Close(outputs.GetProperty($"nn{number}_index"), nearest);
                return InfoNce.InBatch(slots.index_select(0, nearest), Unit(predictions), 0, Temperature(golden));
            }

            var (first, second) = (Loss("1", p2), Loss("2", p1));
            Close(outputs.GetProperty("loss_nn1_p2"), first);
            Close(outputs.GetProperty("loss_nn2_p1"), second);
            var loss = (first + second) / 2;
            Close(outputs.GetProperty("loss_symmetric"), loss);
            GradientsAreClose(loss, (gradients.GetProperty("p1"), p1), (gradients.GetProperty("p2"), p2));
            queue = outputs.GetProperty("queue_after");
        });
    }

    [GoldenComponent("cpc_infonce")]
    internal static void InBatchInfoNceMatchesCpc(GoldenCase golden)
    {
        var (z, w, c) = (Learned(golden.Input("z")), Learned(golden.Input("W")), Learned(golden.Input("c")));
        var loss = InfoNce.InBatch(c.mm(w.t()), z, 0, 1);
        Close(golden.Outputs.GetProperty("loss"), loss);
        Assert.Equal(
            golden.Outputs.GetProperty("mi_lower_bound").GetDouble(), InfoNce.Bound(loss.item<double>(), z.shape[0]), Tolerance);
        var gradients = golden.Gradients;
        GradientsAreClose(loss, (gradients.GetProperty("z"), z), (gradients.GetProperty("W"), w), (gradients.GetProperty("c"), c));
    }

    [GoldenComponent("instdisc_nce")]
    internal static void NoiseContrastiveEstimationMatchesTheReference(GoldenCase golden)
    {
        var (memory, normaliser) = (golden.Input("memory_initial"), (double?)null);
        ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            var x = Learned(inputs.GetProperty("x"));
            var (slots, samples) = (GoldenCase.Tensor(memory), GoldenCase.Tensor(inputs.GetProperty("y")));
            var drawn = GoldenCase.Tensor(inputs.GetProperty("effective_indices"));
            Assert.True(drawn.select(1, 0).equal(samples).all().item<bool>());
            var negatives = drawn.narrow(1, 1, drawn.shape[1] - 1);
            normaliser ??= NoiseContrastive.Normaliser(x, slots, samples, negatives, Temperature(golden));
            Assert.Equal(1, normaliser.Value / outputs.GetProperty("Z").GetDouble(), 1e-12);
            var loss = NoiseContrastive.Loss(x, slots, samples, negatives, Temperature(golden), normaliser.Value);
            Close(outputs.GetProperty("loss"), loss);
            GradientsAreClose(loss, (gradients.GetProperty("x"), x));
            memory = outputs.GetProperty("memory_after");
        });
    }

    [GoldenComponent("nce_negative_sampling")]
    internal static void NegativeSamplingMatchesItsFormulas(GoldenCase golden)
    {
        var (v, positives) = (Learned(golden.Input("v")), Learned(golden.Input("u_pos")));
        var negatives = Learned(golden.Input("u_neg"));
        var loss = golden.Name.StartsWith("nce", StringComparison.Ordinal)
            ? NegativeSampling.NoiseContrastiveLoss(
                v, positives, negatives, GoldenCase.Tensor(golden.Input("q_pos")), GoldenCase.Tensor(golden.Input("q_neg")))
            : NegativeSampling.Loss(v, positives, negatives);
        Close(golden.Outputs.GetProperty("loss"), loss);
        GradientsAreClose(
            loss,
            (golden.Gradients.GetProperty("v"), v),
            (golden.Gradients.GetProperty("u_pos"), positives),
            (golden.Gradients.GetProperty("u_neg"), negatives));
    }
}
