using SelfSup.Errors;
using SelfSup.Evaluation;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class FeatureSetTests
{
    [Fact]
    public void FeaturesThatAreNotFiniteAreRefused()
    {
        using var scope = NewDisposeScope();
        var features = ones(4, 3);
        features[2, 1] = float.NaN;
        features[3, 0] = float.NegativeInfinity;
        var error = Assert.Throws<DataException>(() => new FeatureSet("test images", features, [0, 1, 0, 1]));
        Assert.StartsWith(
            "test images: the features of 2 of 4 images (the first is image 2) are NaN or infinite", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void MissingLabelsAreRefused()
    {
        using var scope = NewDisposeScope();
        using var labelled = new FeatureSet("train images", ones(2, 3), [0, 1]);
        using var none = new FeatureSet("test images", ones(2, 3), [-1, -1]);
        using var some = new FeatureSet("test images", ones(2, 3), [0, -1]);
        Assert.StartsWith(
            "test images: none of 2 images has a label",
            Assert.Throws<DataException>(() => new LabelledSplit(labelled, none)).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "test images: 1 of 2 images has a label",
            Assert.Throws<DataException>(() => new LabelledSplit(labelled, some)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OneClassIsRefused()
    {
        using var scope = NewDisposeScope();
        using var set = new FeatureSet("train images", ones(3, 2), [1, 1, 1]);
        Assert.StartsWith(
            "train images: all 3 images are of one class",
            Assert.Throws<DataException>(() => new LabelledSplit(set, set)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FeaturesOfAnotherWidthAreRefused()
    {
        using var scope = NewDisposeScope();
        using var train = new FeatureSet("train images", ones(2, 3), [0, 1]);
        using var test = new FeatureSet("test images", ones(2, 4), [0, 1]);
        Assert.Contains(
            "width 4, must be Float32 of width 3",
            Assert.Throws<DataException>(() => new LabelledSplit(train, test)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LabelsAreMatchedByClassName()
    {
        using var scope = NewDisposeScope();
        using var train = new FeatureSet("train", ones(3, 2), [0, 1, 2], ["ant", "bee", "cat"]);
        using var test = new FeatureSet("test", ones(3, 2), [0, 1, 2], ["bee", "cat", "dog"]);
        var split = new LabelledSplit(train, test);
        Assert.Equal(["ant", "bee", "cat", "dog"], split.ClassNames);
        Assert.Equal([1, 2, 3], split.TestLabels);
        Assert.Equal("no training image is of 'dog': its test images all count as wrong", Assert.Single(split.Notes));
    }

    [Fact]
    public void LabelsAreMatchedByNumberWhereOneSideHasNoNames()
    {
        using var scope = NewDisposeScope();
        using var named = new FeatureSet("named", ones(2, 2), [0, 1], ["ant", "bee"]);
        using var bare = new FeatureSet("bare", ones(3, 2), [1, 0, 2]);
        Assert.Equal(["ant", "bee", "2"], new LabelledSplit(named, bare).ClassNames);
        Assert.Equal([1, 0, 2], new LabelledSplit(named, bare).TestLabels);
        Assert.Equal(["ant", "bee", "2"], new LabelledSplit(bare, named).ClassNames);
        Assert.Equal([0, 1], new LabelledSplit(bare, named).TestLabels);
    }

    [Fact]
    public void SetsWithoutACommonClassAreRefused()
    {
        using var scope = NewDisposeScope();
        using var train = new FeatureSet("train images", ones(2, 2), [0, 1], ["ant", "bee"]);
        using var test = new FeatureSet("test images", ones(2, 2), [0, 1], ["n01440764", "n01443537"]);
        Assert.StartsWith(
            "test images: none of its classes (n01440764, n01443537) is one of train images (ant, bee)",
            Assert.Throws<DataException>(() => new LabelledSplit(train, test)).Message, StringComparison.Ordinal);
    }
}
