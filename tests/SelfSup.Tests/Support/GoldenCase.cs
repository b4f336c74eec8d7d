using System.Text.Json;

using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>One case of a golden file: parameters, inputs, and what the reference implementation made of them.</summary>
internal sealed class GoldenCase(JsonDocument document, string component, JsonElement element) : IDisposable
{
    public string Component { get; } = component;

    public string Name => element.GetProperty("name").GetString()!;

    public JsonElement Params => element.GetProperty("params");

    public JsonElement Inputs => element.GetProperty("inputs");

    public JsonElement Outputs => element.GetProperty("outputs");

    /// <summary>Gradients of the case; undefined where the file has none.</summary>
    public JsonElement Gradients => element.TryGetProperty("grads", out var grads) ? grads : default;

    /// <summary>An input, which may stand with the case or be shared by all cases of the file.</summary>
    public JsonElement Input(string name)
    {
        var input = Inputs.GetProperty(name);
        return input.ValueKind == JsonValueKind.String && input.GetString()!.Split('.') is ["shared_inputs", var shared]
            ? document.RootElement.GetProperty("shared_inputs").GetProperty(shared)
            : input;
    }

    public void Dispose() => document.Dispose();

    /// <summary>The numbers of a tensor or of a plain array.</summary>
    public static double[] Numbers(JsonElement value) =>
        [.. (value.ValueKind == JsonValueKind.Object ? value.GetProperty("data") : value)
            .EnumerateArray().Select(v => v.ValueKind is JsonValueKind.True or JsonValueKind.False
                ? (v.GetBoolean() ? 1 : 0)
                : v.GetDouble())];

    public static long[] Shape(JsonElement value) =>
        [.. value.GetProperty("shape").EnumerateArray().Select(v => v.GetInt64())];

    /// <summary>The tensor: float64 for numbers, int64 for indices and labels.</summary>
    public static Tensor Tensor(JsonElement value)
    {
        var shape = Shape(value);
        return value.GetProperty("dtype").GetString() is "int64"
            ? tensor(value.GetProperty("data").EnumerateArray().Select(v => v.GetInt64()).ToArray()).reshape(shape)
            : tensor(Numbers(value)).reshape(shape);
    }

    /// <summary>Fails unless <paramref name="actual"/> has the reference's shape and agrees to an absolute tolerance.</summary>
    public static void Close(JsonElement expected, Tensor actual, double tolerance)
    {
        using var scope = NewDisposeScope();
        if (expected.ValueKind == JsonValueKind.Number)
        {
            Assert.Equal(expected.GetDouble(), actual.to(float64).item<double>(), tolerance);
            return;
        }

        Assert.Equal(Shape(expected), actual.shape);
        var difference = (actual.detach().to(float64) - Tensor(expected).to(float64)).abs().max().item<double>();
        Assert.True(difference <= tolerance, $"differs by {difference:g3}, tolerance {tolerance:g3}");
    }
}
