using System.Globalization;
using System.Text.RegularExpressions;

using SelfSup.Models;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Models;

public sealed partial class ResNetTests
{
    private static readonly Dictionary<string, int[]> _blocks = new()
    {
        ["9"] = [1, 1, 1, 1],
        ["18"] = [2, 2, 2, 2],
        ["34"] = [3, 4, 6, 3],
        ["50"] = [3, 4, 6, 3],
        ["101"] = [3, 4, 23, 3],
        ["152"] = [3, 8, 36, 3],
    };

    // A folder put in place of the repository's may hold no networks; a theory without any row would fail.
    public static TheoryData<string> GoldenModels => [.. GoldenFolder.Models().DefaultIfEmpty("")];

    [Theory]
    [MemberData(nameof(GoldenModels))]
    public void FeaturesLogitsAndGradientsAreThoseOfTheReference(string name)
    {
        Assert.SkipWhen(name.Length == 0, $"{GoldenFolder.Path}: holds no reference networks");
        using var scope = NewDisposeScope();
        using var golden = new GoldenModel(name);
        using var net = Build(name);
        golden.LoadInto(net);

        // float32, evaluation
        net.eval();
        using (no_grad())
        {
            var features = net.call(golden.Io["input"]);
            Relative(golden.Io["eval_features_f64"], features, 1e-5);
            Relative(golden.Io["eval_logits_f64"], golden.Logits(features), 1e-5);
        }

        // float64, training: features, logits, loss, gradients, running statistics
        net.to(float64);
        golden.LoadInto(net);
        net.train();
        var weight = golden.Classifier("weight").to(float64).requires_grad_();
        var bias = golden.Classifier("bias").to(float64).requires_grad_();
        var x = net.call(golden.Io["input"].to(float64));
        var logits = x.matmul(weight.t()) + bias;
        Relative(golden.Io["train_logits_f64"], logits, 1e-9);
        if (golden.Io.TryGetValue("train_features_f64", out var expectedFeatures))
        {
            Relative(expectedFeatures, x, 1e-9);
        }

        var loss = nn.functional.cross_entropy(logits, golden.Labels);
        if (golden.Io.TryGetValue("train_loss_f64", out var expectedLoss))
        {
            Relative(expectedLoss.reshape([]), loss, 1e-9);
        }

        loss.backward();
        var gradients = net.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!);
        gradients[golden.ClassifierName + ".weight"] = weight.grad!;
        gradients[golden.ClassifierName + ".bias"] = bias.grad!;
        foreach (var (key, expected) in golden.With("train_grad."))
        {
            Relative(expected, gradients[GoldenModel.OurName(key)], 1e-7, key);
        }

        foreach (var (key, expected) in golden.With("train_after."))
        {
            Relative(expected, net.state_dict()[GoldenModel.OurName(key)], 1e-9, key);
        }

        if (golden.Io.TryGetValue("train_grad_l2_norms", out var norms))
        {
            var order = golden.Metadata["grad_norm_order"].Split(',');
            var ours = order.Select(key => gradients[GoldenModel.OurName(key)].norm().item<double>()).ToArray();
            Relative(norms, tensor(ours), 1e-7);
        }
    }

    [Theory]
    [InlineData("resnet18", 11_176_512, 512)]
    [InlineData("resnet34", 21_284_672, 512)]
    [InlineData("resnet50", 23_508_032, 2048)]
    [InlineData("resnet101", 42_500_160, 2048)]
    [InlineData("resnet152", 58_143_808, 2048)]
    public void NetworksHaveTorchvisionsNumberOfParameters(string name, long parameters, long features)
    {
        using var net = new ResNet(ResNetArchitecture.Find(name), Stem.ImageNet);
        Assert.Equal(parameters, net.parameters().Sum(p => p.numel())); // torchvision's number less the classifier
        Assert.Equal(features, net.FeatureWidth);
    }

    [Theory]
    [InlineData("resnet20", 0.27)]
    [InlineData("resnet32", 0.46)]
    [InlineData("resnet44", 0.66)]
    [InlineData("resnet56", 0.85)]
    public void ThinNetworksHaveThePapersNumberOfParameters(string name, double millions)
    {
        using var net = new ResNet(ResNetArchitecture.Find(name), Stem.Small);
        var classifier = (64 * 10) + 10;
        Assert.Equal(millions, (net.parameters().Sum(p => p.numel()) + classifier) / 1e6, 0.005); // He et al. 2016, table 6
        Assert.Equal(64, net.FeatureWidth);
    }

    [Fact]
    public void ZeroInitialisedResidualsMakeEveryBlockTheIdentity()
    {
        using var scope = NewDisposeScope();
        using var net = new ResNet(ResNetArchitecture.Find("resnet50", 0.25), Stem.Small, zeroInitResidual: true);
        var scales = net.named_parameters().Where(p => p.name.EndsWith("bn3.weight", StringComparison.Ordinal)).ToArray();
        Assert.Equal(16, scales.Length);
        Assert.All(scales, s => Assert.Equal(0, s.parameter.abs().sum().item<float>()));
    }

    [Fact]
    public void FiltersStartWithTheVarianceOfTheirFanOut()
    {
        using var scope = NewDisposeScope();
        _ = random.manual_seed(1);
        using var net = new ResNet(ResNetArchitecture.Find("resnet18"), Stem.ImageNet);
        var filter = net.named_parameters().Single(p => p.name == "layer4.1.conv2.weight").parameter;
        Assert.Equal(Math.Sqrt(2.0 / (512 * 9)), filter.std().item<float>(), 1e-4);
    }

    [Theory]
    [InlineData("Small", 32, 32)]
    [InlineData("ImageNet", 64, 16)]
    public void TheStemKeepsOrQuartersTheImage(string name, int size, int expected)
    {
        var stem = Enum.Parse<Stem>(name);
        using var scope = NewDisposeScope();
        using var net = new ResNet(ResNetArchitecture.Find("resnet18", 0.125), stem);
        var sizes = new List<long>();
        var first = (nn.Module<Tensor, Tensor>)net.named_modules().Single(m => m.name == "layer1").module;
        first.register_forward_hook((_, input, output) =>
        {
            sizes.Add(input.shape[2]);
            return output;
        });
        _ = net.call(zeros(2, 3, size, size));
        Assert.Equal([expected], sizes);
    }

    private static ResNet Build(string name)
    {
        var match = Name().Match(Path.GetFileName(name));
        Assert.True(match.Success, $"{name}: what network is this?");
        var depth = match.Groups["depth"].Value;
        var width = match.Groups["width"] is { Success: true } w ? double.Parse(w.Value, CultureInfo.InvariantCulture) : 1;
        var bottleneck = int.Parse(depth, CultureInfo.InvariantCulture) >= 50;
        return new ResNet(
            ResNetArchitecture.Wide(_blocks[depth], bottleneck, width), match.Groups["cifar"].Success ? Stem.Small : Stem.ImageNet);
    }

    private static void Relative(Tensor expected, Tensor actual, double tolerance, string what = "")
    {
        Assert.Equal(expected.shape, actual.shape);
        var scale = Math.Max(expected.abs().max().to(float64).item<double>(), 1e-30);
        var difference = (actual.detach().to(float64) - expected.to(float64)).abs().max().item<double>() / scale;
        Assert.True(difference <= tolerance, $"{what} differs by {difference:g3} of the largest value, tolerance {tolerance:g3}");
    }

    [GeneratedRegex(@"^(?<cifar>cifar_)?resnet-?(?<depth>\d+)(_w(?<width>[\d.]+))?_seed\d+$")]
    private static partial Regex Name();

    /// <summary>Weights and expected values of a reference network; its own names differ where lightly made it.</summary>
    private sealed class GoldenModel : IDisposable
    {
        private readonly Dictionary<string, Tensor> _weights;

        public GoldenModel(string name)
        {
            var path = Path.Combine(GoldenFolder.Path, name);
            _weights = SafeTensors.Read(path + ".safetensors", out _);
            Io = SafeTensors.Read(path + "_io.safetensors", out var metadata);
            Metadata = metadata;
        }

        public Dictionary<string, Tensor> Io { get; }

        public IReadOnlyDictionary<string, string> Metadata { get; }

        public string ClassifierName => _weights.ContainsKey("fc.weight") ? "fc" : "linear";

        public Tensor Labels => tensor(Metadata["labels"].Split(',').Select(long.Parse).ToArray());

        public static string OurName(string name) => name.Replace(".shortcut.", ".downsample.", StringComparison.Ordinal);

        public Tensor Classifier(string part) => _weights[$"{ClassifierName}.{part}"];

        public Tensor Logits(Tensor features) => features.matmul(Classifier("weight").t()) + Classifier("bias");

        public IEnumerable<(string Name, Tensor Value)> With(string prefix) =>
            Io.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(t => (t.Key[prefix.Length..], t.Value));

        public void LoadInto(ResNet net)
        {
            using var _ = no_grad();
            var state = net.state_dict();
            var theirs = _weights.Where(w => !w.Key.StartsWith(ClassifierName + ".", StringComparison.Ordinal)).ToArray();
            Assert.Equal(state.Keys.Order(), theirs.Select(w => OurName(w.Key)).Order());
            foreach (var (name, value) in theirs)
            {
                state[OurName(name)].copy_(value);
            }
        }

        public void Dispose()
        {
            foreach (var tensor in _weights.Values.Concat(Io.Values))
            {
                tensor.Dispose();
            }
        }
    }
}
