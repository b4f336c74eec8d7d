using SelfSup.Search;

using static SelfSup.Reports.ReportText;

namespace SelfSup.Reports;

/// <summary>The parts of a report that are pictures: views, neighbours, the place of the map.</summary>
internal static class ReportPictures
{
    private const int SmallSide = 96; // enlarged, such a picture is seen pixel for pixel

    /// <summary>The contact sheet.</summary>
    public static void Views(TextWriter page, ViewsFinding views)
    {
        page.WriteLine($"<div class=\"scroll\"><div class=\"pictures\" data-columns=\"{views.Titles.Count + 1}\">");
        page.Write("<span class=\"title\">original</span>");
        page.WriteLine(string.Concat(views.Titles.Select(title => $"<span class=\"title\">{Escaped(title)}</span>")));
        foreach (var row in views.Rows)
        {
            page.Write(Figure(row.Original, "original image", "", ""));
            page.WriteLine(string.Concat(row.Views.Zip(views.Titles, (view, title) => Figure(view, title, "", ""))));
        }

        page.WriteLine("</div></div>");
    }

    /// <summary>Queries, a row each, and what is nearest to them.</summary>
    public static void Neighbours(TextWriter page, NeighboursFinding found)
    {
        page.WriteLine("<div class=\"scroll\"><div class=\"pictures\" data-columns=\"9\">");
        foreach (var query in found.Queries)
        {
            page.Write(Figure(query.Image.Picture, $"query: {Described(query.Image)}", $"<b>{Escaped(query.Image.Class ?? "query")}</b>{Escaped(query.Image.Name)}", "query"));
            foreach (var near in query.Nearest)
            {
                var isSame = near.Image.Class is { } own && own == query.Image.Class;
                page.Write(Figure(
                    near.Image.Picture,
                    $"{Described(near.Image)}, cosine {near.Cosine:0.000}",
                    FormattableString.Invariant($"<b>{near.Cosine:0.000}</b>") + (near.Image.Class is { } name ? $"{Escaped(name)} · " : "")
                        + FormattableString.Invariant($"{near.Distance:0.000}") + (near.Image.Picture is null ? $"<br>{Escaped(near.Image.Name)}" : ""),
                    isSame ? "same" : ""));
            }

            // A sample that has fewer than nine images leaves places empty.
            page.WriteLine(string.Concat(Enumerable.Repeat("<span></span>", ReportOptions.Neighbours - query.Nearest.Count)));
        }

        page.WriteLine("</div></div>");
    }

    private static string Described(SampledImage image) => image.Class is { } name ? $"{name}, {image.Name}" : image.Name;

    private static string Figure(Thumbnail? picture, string alternative, string caption, string kind)
    {
        var mat = picture is null
            ? $"<span class=\"only-read\">{Escaped(alternative)}</span>"
            : $"<div class=\"mat\"><img{(Math.Max(picture.Width, picture.Height) < SmallSide ? " class=\"small\"" : "")} alt=\"{Escaped(alternative)}\" src=\"{picture.Address}\"></div>";
        return $"<figure class=\"{kind}{(picture is null ? " bare" : "")}\">{mat}{(caption.Length > 0 ? $"<figcaption>{caption}</figcaption>" : "")}</figure>";
    }
}
