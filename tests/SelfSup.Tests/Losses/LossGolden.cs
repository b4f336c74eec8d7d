using System.Text.Json;

using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Losses;

/// <summary>What the checks of losses against golden files have in common.</summary>
internal static class LossGolden
{
    public const double Tolerance = 1e-9;

    /// <summary>Calls with the inputs, outputs and gradients of every step of a case.</summary>
    public static void ForEachStep(GoldenCase golden, Action<JsonElement, JsonElement, JsonElement> check)
    {
        JsonElement[] Steps(JsonElement of) => [.. of.GetProperty("steps").EnumerateArray()];
        var (inputs, outputs, gradients) = (Steps(golden.Inputs), Steps(golden.Outputs), Steps(golden.Gradients));
        Assert.Equal(inputs.Length, outputs.Length);
        Assert.Equal(inputs.Length, gradients.Length);
        for (var step = 0; step < inputs.Length; step++)
        {
            check(inputs[step], outputs[step], gradients[step]);
        }
    }

    public static double Parameter(GoldenCase golden, string name) => golden.Params.GetProperty(name).GetDouble();

    public static double Temperature(GoldenCase golden) => Parameter(golden, "temperature");

    public static Tensor Learned(JsonElement value) => GoldenCase.Tensor(value).requires_grad_();

    /// <summary>The tensors of a list.</summary>
    public static Tensor[] Each(JsonElement list) => [.. list.EnumerateArray().Select(GoldenCase.Tensor)];

    public static void Close(JsonElement expected, Tensor actual) => GoldenCase.Close(expected, actual, Tolerance);

    /// <summary>Computes the gradients and compares them with those of the file.</summary>
    public static void GradientsAreClose(Tensor loss, params (JsonElement Expected, Tensor Learned)[] inputs)
    {
        foreach (var (_, learned) in inputs)
        {
            learned.grad?.zero_();
        }

        loss.backward();
        foreach (var (expected, learned) in inputs)
        {
            Close(expected, learned.grad!);
        }
    }

    public static Tensor Unit(Tensor rows) => nn.functional.normalize(rows, dim: 1);
}
