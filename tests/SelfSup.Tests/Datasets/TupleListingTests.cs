using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Recipes;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Datasets;

public sealed class TupleListingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MadeUpImages _images = new(20, 4);

    [Fact]
    public void PairsTripletsAndScoresAreRead()
    {
        var pairs = Read("anchor,positive\n0,5\n1,6\n");
        Assert.Equal((2, 2, false, false), (pairs.Rows, pairs.Width, pairs.HasNegatives, pairs.HasScores));
        var triplets = Read("user;item;other\n0;5;7\n1;6;8\n", new() { Anchor = "user", Positive = "item", Negative = "other" });
        Assert.Equal((3, true), (triplets.Width, triplets.HasNegatives));
        var images = new int[3];
        triplets.Images([1], images);
        Assert.Equal([1, 6, 8], images);
        var scored = Read("anchor,positive,score\n0,5,0.5\n0,6,-2\n", new() { Candidates = 2 });
        Assert.Equal((3, -2.0), (scored.Width, scored.Score(1)));
    }

    [Theory]
    [InlineData("anchor,positive\n0,5\n1,99\n", "1 of 2 rows name images that are not there, 1 of them: '99' (line 3, positive); there are 20 images")]
    [InlineData("anchor,positive\n", "has no rows")]
    [InlineData("anchor,item\n1,2\n", "has no column 'positive'")]
    [InlineData("anchor,positive\n1,2\n3,3\n", "line 3: anchor and positive are the same image")]
    [InlineData("anchor,positive,negative\n1,2,2\n", "line 2: positive and negative are the same image")]
    public void ListsThatMakeNoPairsAreRefused(string text, string message) =>
        Assert.Contains(message, Assert.Throws<DataException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void ColumnsThatHappenToBeThereCanBeLeftUnread()
    {
        const string Text = "anchor,positive,negative,score\n0,5,,good\n1,6,7,\n";
        var pairs = Read(Text, new() { Negative = "", Score = "" });
        Assert.Equal((2, 2, false, false), (pairs.Rows, pairs.Width, pairs.HasNegatives, pairs.HasScores));
        Assert.EndsWith(
            "line 2: 'negative' is empty, must have a value in every row; correct or remove the row, or leave the column unread by data.pairs.negative: \"\"",
            Assert.Throws<DataException>(() => Read(Text, new() { Score = "" })).Message,
            StringComparison.Ordinal);
        Assert.EndsWith(
            "line 2: 'score' is 'good', must be a finite number; correct or remove the row, or leave the column unread by data.pairs.score: \"\"",
            Assert.Throws<DataException>(() => Read(Text, new() { Negative = "" })).Message,
            StringComparison.Ordinal);
        // Who has named the column wants it.
        Assert.EndsWith("remove the row", Assert.Throws<DataException>(() => Read(Text, new() { Negative = "", Score = "score" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AColumnThatIsLeftUnreadIsSoInTheRecipeOfARun()
    {
        static PairListOptions Pairs(string recipe) => new RecipeReader().ReadText(recipe, "recipe").Data!.Pairs!;
        const string Recipe =
            """
            data: { path: /data, pairs: { path: /pairs.csv, score: "", negative: } }
            views: [ { centerCrop: { size: 8 } } ]
            encoder: { backbone: resnet18 }
            method: { name: tupleLearning }
            optimizer: { name: sgd }
            schedule: { name: constant, learningRate: 0.1 }
            """;
        Assert.Equal(("", null), (Pairs(Recipe).Score, Pairs(Recipe).Negative));
        var written = Pairs(RecipeWriter.Yaml(new RecipeReader().ReadText(Recipe, "recipe")));
        Assert.Equal(("", null), (written.Score, written.Negative));
    }

    [Fact]
    public void AnAnchorWithTooFewCandidatesIsNamed()
    {
        var message = Assert.Throws<DataException>(() => Read("anchor,positive,score\n1,2,1\n1,3,1\n7,8,1\n", new() { Candidates = 2 })).Message;
        Assert.Contains("1 of 2 anchors have fewer than 2 rows, the first is '7' (line 4) with 1", message, StringComparison.Ordinal);
        Assert.Contains("must be 1 for a list of triplets", Assert.Throws<RecipeException>(
            () => Read("anchor,positive,negative\n1,2,3\n", new() { Candidates = 2 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ValuesAreThoseOfTheImagesInTheirOrder()
    {
        using var source = new SubsetSource(new MadeUpImages(5, 4), [1, 3], [0, 1]);
        var values = Values("image,age,pose\n3,30,-0.5\n0,1,1\n1,10,2.5\n", source, "age", "pose");
        Assert.Equal(new[,] { { 10, 2.5f }, { 30, -0.5f } }, values);
    }

    [Theory]
    [InlineData("image,age\n1,10\n0,3\n", "has no row for 1 of 2 images: '00000003'; add them")]
    [InlineData("image,age\n1,10\n3,3\n1,4\n", "line 4: is of '00000001', as line 2 is; must have one row for an image")]
    [InlineData("image,age\n1,10\n3,old\n", "line 3: 'age' is 'old', must be a finite number")]
    [InlineData("image,value\n1,10\n3,1\n", "has no column 'age', it has image, value")]
    public void ValuesThatAreMissingAreNamed(string text, string message)
    {
        using var source = new SubsetSource(new MadeUpImages(5, 4), [1, 3], [0, 1]);
        Assert.Contains(message, Assert.Throws<DataException>(() => Values(text, source, "age")).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _folder.Dispose();
        _images.Dispose();
    }

    private SelfSup.Augmentation.TupleList Read(string text, PairListOptions? options = null)
    {
        options ??= new();
        options.Path = _folder.Write("pairs.csv", text);
        return TupleListing.Read(options, _images);
    }

    private float[,] Values(string text, IImageSource source, params string[] columns) =>
        ValueListing.Read(new() { Path = _folder.Write("values.csv", text), Columns = columns }, source);
}
