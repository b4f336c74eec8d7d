using SelfSup.Recipes;
using SelfSup.Reports;
using SelfSup.Tests.Support;

using SkiaSharp;

namespace SelfSup.Tests.Reports;

public sealed class ViewsFindingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A group stands for as many views as it makes.</summary>
    [Fact]
    public void EveryViewIsDrawnAsItsGroupMakesIt()
    {
        var found = Draw("""
              - { count: 2, augmentations: [randomResizedCrop: { size: 24, scale: [0.5, 1.0] }] }
              - { count: 6, augmentations: [randomResizedCrop: { size: 12, scale: [0.1, 0.5] }] }
            """);
        Assert.Equal(Enumerable.Range(1, 8).Select(view => $"view {view}"), found.Titles);
        Assert.All(found.Rows, row => Assert.Equal([24, 24, 12, 12, 12, 12, 12, 12], row.Views.Select(view => view.Width)));
    }

    /// <summary>Few views are drawn for several epochs; more than a page has room for are not all drawn.</summary>
    [Fact]
    public void AsManyAreDrawnAsThereIsRoomFor()
    {
        const string Crop = "randomResizedCrop: { size: 12, scale: [0.5, 1.0] }";
        Assert.Equal(Enumerable.Range(1, 8).Select(view => $"view {view}"), Draw($"  - {Crop}").Titles);
        Assert.Equal(
            ["view 1, epoch 0", "view 2, epoch 0", "view 3, epoch 0", "view 1, epoch 1", "view 2, epoch 1", "view 3, epoch 1"],
            Draw($"  - {{ count: 3, augmentations: [{Crop}] }}").Titles);
        Assert.Equal(16, Draw($"  - {{ count: 40, augmentations: [{Crop}] }}").Titles.Count);
    }

    private ViewsFinding Draw(string views)
    {
        for (var i = 0; i < 3; i++)
        {
            using var bitmap = new SKBitmap(32, 32);
            bitmap.Erase(SKColor.FromHsv(60 * i, 80, 80));
            using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            _folder.Write($"images/{i}.png", png.ToArray());
        }

        var reader = new RecipeReader();
        var file = _folder.Write("recipe.yaml", $$"""
            run: { name: made-up, seed: 1 }
            data: { path: {{_folder.File("images")}} }
            views:
            {{views}}
            encoder: { backbone: resnet20, width: 0.25, head: { output: 16 } }
            method: { name: simclr, temperature: 0.2 }
            optimizer: { name: sgd }
            schedule: { name: cosine, learningRate: 0.05 }
            training: { epochs: 2, globalBatchSize: 2 }
            """);
        return ViewsFinding.Of(reader.Read(file, new Dictionary<string, string>(), []), reader, rows: 2);
    }
}
