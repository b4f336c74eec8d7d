using System.Text.Json;

using SelfSup.Optimization;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Optimization;

/// <summary>The optimizers against PyTorch's, timm's and the four published LARS, in float64.</summary>
public static class OptimizerGoldenTests
{
    private const double Tolerance = 1e-12;

    [GoldenComponent("sgd_adamw_lamb")]
    internal static void SgdAdamAndLamb(GoldenCase golden)
    {
        var settings = golden.Params;
        var decays = Decays(settings);
        Check(golden, parameters => golden.Name.Split('_')[0] switch
        {
            "sgd" => new Sgd(
                new SgdOptions
                {
                    Momentum = Number(settings, "momentum", 0),
                    Dampening = Number(settings, "dampening", 0),
                    Nesterov = Flag(settings, "nesterov"),
                    WeightDecay = Number(settings, "weight_decay", 0),
                },
                parameters,
                decays),
            "adam" => new Adam(Adam(settings, new AdamOptions()), parameters, decays),
            "adamw" => new AdamW(Adam(settings, new AdamWOptions()), parameters, decays),
            "lamb" => new Lamb(Lamb(settings), parameters, decays),
            var other => throw new NotSupportedException($"an optimizer '{other}'"),
        });
    }

    [GoldenComponent("lars")]
    internal static void Lars(GoldenCase golden)
    {
        var settings = golden.Params;
        var convention = golden.Name.Split('_')[0] switch
        {
            "solo" => LarsConvention.SoloLearn,
            "lightly" => LarsConvention.Lightly,
            "vissl" => LarsConvention.Vissl,
            "simclr" => LarsConvention.SimClr,
            var other => throw new NotSupportedException($"a LARS of '{other}'"),
        };
        var options = new LarsOptions
        {
            Convention = convention,
            Momentum = Number(settings, "momentum", 0),
            Nesterov = Flag(settings, "nesterov"),
            WeightDecay = Number(settings, "weight_decay", 0),
            TrustCoefficient = Number(settings, "eta", 0.001),
            Epsilon = Number(settings, "eps", 1e-8),
            ClipLearningRate = Flag(settings, "clip_lr"),
        };
        var excludesByShape = Flag(settings, "exclude_bias_n_norm") || Flag(settings, "exclude_bias_and_norm");
        var inDecayGroup = Decays(settings);
        bool Scaled(ParameterSegment s) => !(excludesByShape && s.IsBiasOrNorm);
        // Each program says differently what is left out: by shape from both (solo-learn), by group from both (lightly,
        // SimCLR), or by group from the decay and by shape from the scaling (VISSL).
        Check(golden, parameters => convention switch
        {
            LarsConvention.SoloLearn => new Lars(options, parameters, Scaled, Scaled),
            LarsConvention.Vissl => new Lars(options, parameters, inDecayGroup, Scaled),
            _ => new Lars(options, parameters, inDecayGroup, inDecayGroup),
        });
    }

    private static void Check(GoldenCase golden, Func<FlatParameters, IOptimizer> create)
    {
        using var parameters = new FlatParameters(
            golden.Input("params").EnumerateObject().Select(p => (p.Name, GoldenCase.Tensor(p.Value))));
        using var optimizer = create(parameters);
        var rate = golden.Params.GetProperty("lr").GetDouble();
        foreach (var (gradients, expected) in golden.Input("grads").EnumerateArray()
            .Zip(golden.Outputs.GetProperty("steps").EnumerateArray()))
        {
            foreach (var segment in parameters.Segments)
            {
                parameters.Gradients.narrow(0, segment.Offset, segment.Length)
                    .copy_(GoldenCase.Tensor(gradients.GetProperty(segment.Name)).reshape(-1));
            }

            optimizer.Step(rate);
            foreach (var segment in parameters.Segments)
            {
                var value = expected.GetProperty(segment.Name);
                var actual = parameters.Values.narrow(0, segment.Offset, segment.Length);
                GoldenCase.Close(value, actual.reshape(GoldenCase.Shape(value)), Tolerance);
            }
        }
    }

    private static TOptions Adam<TOptions>(JsonElement settings, TOptions options)
        where TOptions : AdamOptions
    {
        var betas = settings.GetProperty("betas");
        (options.Beta1, options.Beta2) = (betas[0].GetDouble(), betas[1].GetDouble());
        options.Epsilon = settings.GetProperty("eps").GetDouble();
        options.WeightDecay = Number(settings, "weight_decay", 0);
        return options;
    }

    private static LambOptions Lamb(JsonElement settings)
    {
        var options = Adam(settings, new LambOptions());
        options.MaxGradientNorm = Number(settings, "max_grad_norm", 0);
        options.AlwaysAdapt = Flag(settings, "always_adapt");
        options.TrustClip = Flag(settings, "trust_clip");
        return options;
    }

    private static Func<ParameterSegment, bool> Decays(JsonElement settings)
    {
        string[] without = settings.TryGetProperty("no_decay", out var names)
            ? [.. names.EnumerateArray().Select(n => n.GetString()!)]
            : [];
        return segment => !without.Contains(segment.Name);
    }

    private static double Number(JsonElement settings, string name, double otherwise) =>
        settings.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            ? value.GetDouble()
            : otherwise;

    private static bool Flag(JsonElement settings, string name) =>
        settings.TryGetProperty(name, out var value) && value.GetBoolean();
}
