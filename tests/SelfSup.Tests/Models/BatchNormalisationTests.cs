using SelfSup.Models;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Models;

/// <summary>The one pass beside libtorch's three operations in float64.</summary>
public sealed class BatchNormalisationTests
{
    /// <summary>Channels that fill vectors, that fold, that do neither; rows with and without a rest; several chunks.</summary>
    public static TheoryData<long[], bool, bool, bool> Cases
    {
        get
        {
            var cases = new TheoryData<long[], bool, bool, bool>();
            foreach (var shape in new long[][] { [4, 16, 5, 5], [3, 5, 3, 7], [2, 64, 4, 4], [7, 100], [5, 2048], [64, 16, 40, 40], [3, 200, 2, 1] })
            {
                foreach (var (shortcut, rectify) in new[] { (false, true), (true, true), (false, false), (true, false) })
                {
                    cases.Add(shape, shortcut, rectify, false);
                    cases.Add(shape, shortcut, rectify, true);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ItIsNormalisingAddingAndRectifying(long[] shape, bool hasShortcut, bool rectify, bool low)
    {
        using var scope = NewDisposeScope();
        var type = low ? bfloat16 : float32;
        // A mean far from 0 beside the deviation shows sums that cancel.
        var x = Last((Numbers.Normal(shape) * 0.5) + 5).to(type).requires_grad_();
        var shortcut = hasShortcut ? Last(Numbers.Normal(shape)).to(type).requires_grad_() : null;
        var upstream = Last(Numbers.Normal(shape).flip(0)).to(type);
        var norm = Norm(shape);
        var y = BatchNormalisation.Apply(norm, x, shortcut, rectify);
        GuardedBackward.Run([y], [upstream]);

        var reference = Norm(shape);
        reference.to(float64);
        var x64 = x.detach().to(float64).requires_grad_();
        var shortcut64 = shortcut?.detach().to(float64).requires_grad_();
        var y64 = reference.call(x64);
        y64 = shortcut64 is null ? y64 : y64 + shortcut64;
        // The mask is of what was rounded: where a value is all but 0 the exact one may lie on the other side.
        y64 = rectify ? y64 * (y.detach() > 0).to(float64) : y64;
        y64.backward([upstream.to(float64)]);

        var tolerance = low ? 0.01 : 1e-4;
        Close(y64, y, tolerance);
        Close(x64.grad!, x.grad!, tolerance);
        Close(reference.weight!.grad!, norm.weight!.grad!, 2e-3);
        Close(reference.bias!.grad!, norm.bias!.grad!, 2e-3);
        Close(reference.running_mean!, norm.running_mean!, 1e-6);
        Close(reference.running_var!, norm.running_var!, 1e-4);
        Assert.Equal(1, norm.num_batches_tracked!.item<long>());
        if (shortcut is not null)
        {
            Close(shortcut64!.grad!, shortcut.grad!, low ? 1e-3 : 1e-6);
        }
    }

    [Fact]
    public void ItIsTheSameOnAnyNumberOfThreads()
    {
        using var scope = NewDisposeScope();
        long[] shape = [64, 16, 40, 40];
        (Tensor, Tensor) Run(int threads)
        {
            set_num_threads(threads);
            try
            {
                var x = Last(Numbers.Normal(shape)).requires_grad_();
                var y = BatchNormalisation.Apply(Norm(shape), x);
                y.backward([Last(Numbers.Normal(shape).flip(0))]);
                return (y.detach(), x.grad!);
            }
            finally
            {
                set_num_threads(1);
            }
        }

        var (y, dx) = Run(1);
        var (y2, dx2) = Run(2);
        Assert.True(y.equal(y2).all().item<bool>());
        Assert.True(dx.equal(dx2).all().item<bool>());
    }

    [Fact]
    public void WithoutAGraphRunningStatisticsAreUsedInEvaluation()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        long[] shape = [4, 16, 5, 5];
        var norm = Norm(shape);
        norm.running_mean!.fill_(0.5);
        norm.running_var!.fill_(2);
        norm.eval();
        var x = Last(Numbers.Normal(shape));
        Close(nn.functional.relu(norm.call(x)).to(float64), BatchNormalisation.Apply(norm, x), 1e-6);
        Assert.Equal(0, norm.num_batches_tracked!.item<long>());
    }

    [Fact]
    public void WithoutScaleAndShiftItOnlyNormalises()
    {
        using var scope = NewDisposeScope();
        var norm = nn.BatchNorm1d(32, affine: false);
        var x = Numbers.Normal(6, 32).requires_grad_();
        GuardedBackward.Run([BatchNormalisation.Apply(norm, x, rectify: false)], [Numbers.Normal(6, 32).flip(0)]);
        var reference = nn.BatchNorm1d(32, affine: false);
        var x64 = x.detach().to(float64).requires_grad_();
        reference.to(float64);
        reference.call(x64).backward([Numbers.Normal(6, 32).flip(0).to(float64)]);
        Close(x64.grad!, x.grad!, 1e-4);
        Close(reference.running_var!, norm.running_var!, 1e-5);
    }

    [Fact]
    public void OneRowOfOneImageIsFinite()
    {
        using var scope = NewDisposeScope();
        var norm = nn.BatchNorm1d(16);
        Assert.True(BatchNormalisation.Apply(norm, Numbers.Normal(1, 16)).isfinite().all().item<bool>());
        Assert.True(norm.running_var!.isfinite().all().item<bool>());
    }

    [Fact]
    public void NotANumberIsNotHidden()
    {
        using var scope = NewDisposeScope();
        var x = Last(Numbers.Normal(4, 16, 5, 5));
        x[0, 3, 2, 2] = float.NaN;
        var y = BatchNormalisation.Apply(Norm(x.shape), x);
        Assert.True(y.select(1, 3).isnan().all().item<bool>());
        Assert.False(y.select(1, 4).isnan().any().item<bool>());
    }

    [Fact]
    public void GroupsNormaliseImageByImage()
    {
        using var scope = NewDisposeScope();
        var norm = NormKind.Group.Create(24);
        Assert.All(norm.named_parameters(), p => Assert.Equal(p.name == "weight" ? 1 : 0, p.parameter.mean().item<float>()));
        var x = Last(Numbers.Normal(4, 24, 5, 5));
        var whole = BatchNormalisation.Apply(norm, x.clone());
        Close(whole.narrow(0, 1, 1).to(float64), BatchNormalisation.Apply(norm, x.narrow(0, 1, 1).clone()), 1e-6);
    }

    private static TorchSharp.Modules.NormBase Norm(long[] shape)
    {
        using var _ = no_grad();
        TorchSharp.Modules.NormBase norm = shape.Length == 4 ? nn.BatchNorm2d(shape[1]) : nn.BatchNorm1d(shape[1]);
        norm.weight!.copy_((Numbers.Normal(shape[1]) * 0.2) + 1);
        norm.bias!.copy_(Numbers.Normal(shape[1]) * 0.3);
        return norm;
    }

    private static Tensor Last(Tensor images) =>
        images.dim() == 4 ? images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : images;

    private static void Close(Tensor expected, Tensor actual, double tolerance)
    {
        Assert.Equal(expected.shape, actual.shape);
        var difference = (actual.to(float64) - expected).abs() / (expected.abs() + expected.abs().mean() + 1e-9);
        Assert.InRange(difference.max().ToDouble(), 0, tolerance);
    }
}
