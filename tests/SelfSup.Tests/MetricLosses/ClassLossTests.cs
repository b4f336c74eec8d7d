using SelfSup.MetricLosses;
using SelfSup.Tensors;
using SelfSup.Tests.Losses;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.MetricLosses;

/// <summary>Losses over classes against their papers' formulas in plain doubles, gradients by differences, and awkward points.</summary>
public sealed class ClassLossTests
{
    private const int Centres = 3;

    private static readonly long[] _labels = [0, 1, 1, 3, 0, 2, 3];

    public static TheoryData<string> Losses =>
    [
        "normalisedSoftmax", "cosFace", "arcFace", "sphereFace", "sphereFaceAnnealed", "combined", "subCentre", "proxyNca", "proxyNcaOthers",
        "proxyNcaPlusPlus", "proxyAnchor",
    ];

    [Theory]
    [MemberData(nameof(Losses))]
    public void ValuesAreThoseOfThePaper(string loss)
    {
        using var scope = NewDisposeScope();
        var (x, w) = (Raw(7, 5, 1), Raw(loss == "subCentre" ? 4 * Centres : 4, 5, 2));
        Assert.Equal(Plain(loss, Rows(x), Rows(w), _labels), Of(loss, x, w, tensor(_labels)).item<double>(), 1e-12);
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public void GradientsAreThoseOfTheValues(string loss)
    {
        using var scope = NewDisposeScope();
        var labels = tensor(_labels);
        CentralDifferences.Agree(
            at => Of(loss, at[0], at[1], labels), 2e-7, Raw(7, 5, 3), Raw(loss == "subCentre" ? 4 * Centres : 4, 5, 4));
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public void NothingIsInfiniteAtAwkwardPoints(string loss)
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var w = Raw(loss == "subCentre" ? 4 * Centres : 4, 5, 2).to(type);
            var labels = tensor(_labels);
            var own = w.index_select(0, labels * (loss == "subCentre" ? Centres : 1));
            foreach (var (x, of) in new[]
            {
                (own, labels), // on the own class's place
                (-own, labels), // opposite to it
                (Raw(1, 5, 1).to(type).expand(7, 5), labels), // all the same
                (Raw(7, 5, 1).to(type), zeros(7, int64)), // of one class
                (Raw(7, 5, 1).to(type) * 1e-20, labels), // as good as nothing
                (zeros(7, 5, type), labels),
            })
            {
                var (embeddings, classes) = (x.detach().clone().requires_grad_(), w.detach().clone().requires_grad_());
                var value = Of(loss, embeddings, classes, of);
                GuardedBackward.Run(value);
                Assert.True(double.IsFinite(value.to(float64).item<double>()));
                Assert.True(embeddings.grad!.isfinite().all().item<bool>());
                Assert.True(classes.grad!.isfinite().all().item<bool>());
            }
        }
    }

    [Fact]
    public void OneClassAloneHasNothingToLearn()
    {
        using var scope = NewDisposeScope();
        var x = Raw(3, 4, 1).requires_grad_();
        var loss = NormalisedSoftmax.Loss(x, Raw(1, 4, 2), zeros(3, int64), 0.1);
        loss.backward();
        Assert.Equal(0, loss.item<double>());
        Assert.Equal(0, x.grad!.abs().max().item<double>());
        Assert.Throws<ArgumentException>(() => ProxyNca.Loss(x, Raw(1, 4, 2), zeros(3, int64), 1, ownInDenominator: false));
    }

    /// <summary>So large that it goes in several tiles, with and without centres.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TilesAreTheWhole(int centres)
    {
        using var scope = NewDisposeScope();
        const int Samples = 50;
        var classes = 100_000 / centres;
        Assert.True((long)Samples * classes * centres > ClassSoftmax.TileLogits(DeviceType.CPU));
        var (x, w) = (LossComparison.Unit(Samples, 3, 5), LossComparison.Unit((long)classes * centres, 3, 6));
        var labels = arange(Samples) * 31;
        LossComparison.Same(
            at =>
            {
                var cosines = at[0].mm(at[1].t()).view(Samples, classes, centres).amax([2L]);
                var lowered = cosines.gather(1, labels.unsqueeze(1)) - 0.3;
                return nn.functional.cross_entropy(cosines.scatter(1, labels.unsqueeze(1), lowered) * 16, labels);
            },
            at => ClassSoftmax.Mean(at[0] * 16, at[1], labels, products => products - (0.3 * 16), centres),
            x, w);
    }

    [Fact]
    public void ProxiesInTilesAreTheWhole()
    {
        using var scope = NewDisposeScope();
        const int Samples = 50;
        var (x, w) = (LossComparison.Unit(Samples, 3, 5), LossComparison.Unit(100_000, 3, 6));
        var labels = (arange(Samples) * 31).remainder(400);
        LossComparison.Same(
            at =>
            {
                var cosines = at[0].mm(at[1].t());
                var own = zeros_like(cosines).scatter(1, labels.unsqueeze(1), ones([Samples, 1], float64));
                var pull = (((0.1 - cosines) * 8).exp() * own).sum(dim: 0);
                var push = (((0.1 + cosines) * 8).exp() * (1 - own)).sum(dim: 0);
                return (pull.log1p().sum() / (own.sum(dim: 0) > 0).sum()) + push.log1p().mean();
            },
            at => ProxyAnchor.Loss(at[0], at[1], labels, 0.1, 8),
            x, w);
    }

    /// <summary>The logits of 1,024 samples would be 410 MB, held twice 820: here 16 MB at a time beside what is as large as the weights.</summary>
    [Fact]
    public void LogitsOfManyClassesAreNeverHeld()
    {
        Assert.SkipWhen(NativeHeap.Bytes is null, "this C library does not say what is in use");
        using var scope = NewDisposeScope();
        var (x, w) = (LossComparison.Unit(1024, 8, 1).to(float32).requires_grad_(), LossComparison.Unit(100_000, 8, 2).to(float32).requires_grad_());
        using var peak = new HeapPeak();
        MarginSoftmax.ArcFace(x, w, arange(1024), 0.5, 64).backward();
        peak.Dispose();
        Assert.InRange(peak.Growth!.Value / (double)(1 << 20), 0, 100);
    }

    private static Tensor Of(string loss, Tensor x, Tensor w, Tensor labels)
    {
        var (embeddings, classes) = (LossGolden.Unit(x), LossGolden.Unit(w));
        return loss switch
        {
            "normalisedSoftmax" => NormalisedSoftmax.Loss(embeddings, classes, labels, 0.2),
            "cosFace" => MarginSoftmax.CosFace(embeddings, classes, labels, 0.35, 8),
            "arcFace" => MarginSoftmax.ArcFace(embeddings, classes, labels, 0.5, 8),
            "sphereFace" => MarginSoftmax.SphereFace(x, classes, labels, 3),
            "sphereFaceAnnealed" => MarginSoftmax.SphereFace(x, classes, labels, 4, scale: 2, lambda: 5),
            "combined" => MarginSoftmax.Combined(embeddings, classes, labels, 1.2, 0.3, 0.2, BeyondPi.Falling, 8),
            "subCentre" => MarginSoftmax.ArcFace(embeddings, classes, labels, 0.5, 8, Centres),
            "proxyNca" => ProxyNca.Loss(embeddings, classes, labels, 2, ownInDenominator: true),
            "proxyNcaOthers" => ProxyNca.Loss(embeddings, classes, labels, 1, ownInDenominator: false),
            "proxyNcaPlusPlus" => ProxyNca.Loss(embeddings, classes, labels, 9, ownInDenominator: true),
            _ => ProxyAnchor.Loss(embeddings, classes, labels, 0.1, 16),
        };
    }

    private static double Plain(string loss, double[][] x, double[][] w, long[] labels)
    {
        if (loss == "proxyAnchor")
        {
            return PlainProxyAnchor(x, w, labels);
        }

        var sum = 0.0;
        for (var i = 0; i < x.Length; i++)
        {
            var y = (int)labels[i];
            var length = Math.Sqrt(Product(x[i], x[i]));
            double[] cosines = [.. w.Select(c => Cosine(x[i], c))];
            if (loss == "subCentre")
            {
                cosines = [.. cosines.Chunk(Centres).Select(chunk => chunk.Max())];
            }

            if (loss.StartsWith("proxyNca", StringComparison.Ordinal))
            {
                var scale = loss switch { "proxyNca" => 2, "proxyNcaOthers" => 1, _ => 9 };
                var exponentials = w.Select(p => Math.Exp(-scale * Squared(x[i], p))).ToArray();
                var below = exponentials.Where((_, j) => loss != "proxyNcaOthers" || j != y).Sum();
                sum -= Math.Log(exponentials[y] / below);
                continue;
            }

            var angle = Math.Acos(cosines[y]);
            var (times, own) = loss switch
            {
                "normalisedSoftmax" => (5, cosines[y]),
                "cosFace" => (8, cosines[y] - 0.35),
                "arcFace" or "subCentre" => (8, angle <= Math.PI - 0.5 ? Math.Cos(angle + 0.5) : cosines[y] - (0.5 * Math.Sin(0.5))),
                "sphereFace" => (length, Psi(3 * angle)),
                "sphereFaceAnnealed" => (2 * length, ((5 * cosines[y]) + Psi(4 * angle)) / 6),
                _ => (8.0, Psi((1.2 * angle) + 0.3) - 0.2),
            };
            var others = cosines.Where((_, j) => j != y).Sum(c => Math.Exp(times * c));
            sum -= Math.Log(Math.Exp(times * own) / (Math.Exp(times * own) + others));
        }

        return sum / x.Length;
    }

    private static double PlainProxyAnchor(double[][] x, double[][] proxies, long[] labels)
    {
        var (pull, push, present) = (0.0, 0.0, 0);
        for (var p = 0; p < proxies.Length; p++)
        {
            var (near, far, has) = (0.0, 0.0, false);
            for (var i = 0; i < x.Length; i++)
            {
                var s = Cosine(x[i], proxies[p]);
                if (labels[i] == p)
                {
                    (near, has) = (near + Math.Exp(-16 * (s - 0.1)), true);
                }
                else
                {
                    far += Math.Exp(16 * (s + 0.1));
                }
            }

            pull += Math.Log(1 + near);
            push += Math.Log(1 + far);
            present += has ? 1 : 0;
        }

        return (pull / present) + (push / proxies.Length);
    }

    private static double Psi(double angle)
    {
        var k = (int)Math.Floor(angle / Math.PI);
        return ((k % 2 == 0 ? 1 : -1) * Math.Cos(angle)) - (2 * k);
    }

    private static double Product(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double Cosine(double[] a, double[] b) => Product(a, b) / Math.Sqrt(Product(a, a) * Product(b, b));

    /// <summary>The squared distance of the two made unit length.</summary>
    private static double Squared(double[] a, double[] b)
    {
        var (la, lb) = (Math.Sqrt(Product(a, a)), Math.Sqrt(Product(b, b)));
        return a.Zip(b, (x, y) => Math.Pow((x / la) - (y / lb), 2)).Sum();
    }

    private static double[][] Rows(Tensor matrix) => [.. matrix.data<double>().ToArray().Chunk((int)matrix.shape[1])];

    private static Tensor Raw(long rows, long width, int seed)
    {
        using var generator = new Generator((ulong)seed);
        return randn([rows, width], dtype: float64, generator: generator);
    }
}
