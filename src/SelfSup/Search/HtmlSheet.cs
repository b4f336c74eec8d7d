using System.Globalization;
using System.Net;
using System.Text;

namespace SelfSup.Search;

/// <summary>A page of pictures with captions, in groups: one file that needs nothing else, for light and dark screens.</summary>
internal static class HtmlSheet
{
    private const string Style = """
        :root { color-scheme: light dark; --paper: #fbfbfa; --card: #fff; --line: #e2e2de; --ink: #1d1d1b; --faint: #6d6d68; --mark: #0b6e4f; --mat: #f0f0ed }
        @media (prefers-color-scheme: dark) {
          :root { --paper: #161618; --card: #202023; --line: #34343a; --ink: #ececea; --faint: #a0a09b; --mark: #5fd0a5; --mat: #2a2a2e } }
        * { box-sizing: border-box }
        body { margin: 0 auto; max-width: 1320px; padding: 28px 20px 48px; background: var(--paper); color: var(--ink);
          font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif }
        h1 { font-size: 22px; margin: 0 0 2px; font-weight: 650 }
        main { display: flex; flex-wrap: wrap; gap: 26px 34px; align-items: flex-start; margin-top: 26px }
        h2 { font-size: 15px; margin: 0 0 10px; font-weight: 600; overflow-wrap: anywhere; width: 0; min-width: 100% }
        h2 span, header p { color: var(--faint); font-weight: 400 }
        header p { margin: 0; overflow-wrap: anywhere }
        .row { display: flex; flex-wrap: wrap; gap: 12px }
        figure { margin: 0; width: 164px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; position: relative }
        figure.mark { border-color: var(--mark); box-shadow: 0 0 0 1px var(--mark) }
        .mat { aspect-ratio: 1; background: var(--mat); display: grid; place-items: center; color: var(--faint); font-size: 12px }
        img { width: 100%; height: 100%; object-fit: contain; display: block; min-height: 0; min-width: 0 }
        img.small { image-rendering: pixelated }
        b.tag { position: absolute; top: 7px; left: 7px; background: var(--mark); color: var(--card); font-size: 11px; font-weight: 600;
          padding: 1px 7px; border-radius: 9px }
        figcaption { padding: 7px 9px 9px; font-size: 12px; color: var(--faint); overflow-wrap: anywhere }
        figcaption strong { display: block; color: var(--ink); font-size: 13px; font-weight: 600; font-variant-numeric: tabular-nums }
        .more { color: var(--faint); margin: 10px 0 0 }
        """;

    /// <summary>Writes a page.</summary>
    /// <param name="destination">Takes the page.</param>
    /// <param name="title">What it is of.</param>
    /// <param name="note">What else there is to say of all of it.</param>
    /// <param name="groups">The pictures; made one after the other as the page is written.</param>
    public static void Write(Stream destination, string title, string note, IEnumerable<SheetGroup> groups)
    {
        using var page = new StreamWriter(destination, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        page.WriteLine("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">");
        page.WriteLine($"<title>{Escaped(title)}</title>\n<style>\n{Style}\n</style>");
        page.WriteLine($"<header><h1>{Escaped(title)}</h1><p>{Escaped(note)}</p></header>\n<main>");
        foreach (var group in groups)
        {
            page.WriteLine($"<section><h2>{Escaped(group.Title)} <span>{Escaped(group.Note)}</span></h2>\n<div class=\"row\">");
            foreach (var picture in group.Pictures)
            {
                Write(page, picture);
            }

            page.WriteLine("</div>");
            if (group.More > 0)
            {
                page.WriteLine(string.Create(CultureInfo.InvariantCulture, $"<p class=\"more\">and {group.More:N0} more</p>"));
            }

            page.WriteLine("</section>");
        }

        page.WriteLine("</main>\n</html>");
    }

    private static void Write(StreamWriter page, SheetPicture picture)
    {
        const int SmallSide = 96; // enlarged, such a picture is seen pixel for pixel
        var mat = picture.Thumbnail is { } thumbnail
            ? $"<img{(Math.Max(thumbnail.Width, thumbnail.Height) < SmallSide ? " class=\"small\"" : "")} alt=\"\" src=\"{thumbnail.Address}\">"
            : "not found";
        var tag = picture.Tag is { } text ? $"<b class=\"tag\">{Escaped(text)}</b>" : "";
        page.WriteLine(
            $"<figure{(picture.Tag is null ? "" : " class=\"mark\"")}><div class=\"mat\">{mat}</div>{tag}"
            + $"<figcaption><strong>{Breakable(picture.Headline)}</strong>{string.Join("<br>", picture.Lines.Select(Breakable))}</figcaption></figure>");
    }

    /// <summary>Text that may go on in the next line after the marks that parts of file names end with.</summary>
    private static string Breakable(string text) =>
        string.Concat(Escaped(text).Select(c => c is '_' or '-' or '/' or '.' ? $"{c}<wbr>" : $"{c}"));

    private static string Escaped(string text) => WebUtility.HtmlEncode(text);
}

/// <summary>Pictures that belong together.</summary>
/// <param name="Title">What they are.</param>
/// <param name="Note">What else there is to say.</param>
/// <param name="Pictures">The pictures.</param>
/// <param name="More">How many there are that are not shown.</param>
internal sealed record SheetGroup(string Title, string Note, IEnumerable<SheetPicture> Pictures, int More = 0);

/// <summary>A picture with what stands below it.</summary>
/// <param name="Thumbnail">The picture; null where it was not found.</param>
/// <param name="Headline">The first line.</param>
/// <param name="Lines">The others.</param>
/// <param name="Tag">What marks it among the others, or null.</param>
internal sealed record SheetPicture(Thumbnail? Thumbnail, string Headline, IReadOnlyList<string> Lines, string? Tag = null);
