namespace SelfSup.Reports;

/// <summary>
/// What the report inlines and the dashboard serves: uPlot (https://github.com/leeoniya/uPlot, MIT) as its authors publish it, our charts
/// around it, and the style of a page.
/// </summary>
internal static class ReportAssets
{
    /// <summary>The library that draws curves.</summary>
    public const string ChartLibrary = "uPlot.iife.min.js";

    /// <summary>Its style.</summary>
    public const string ChartStyle = "uPlot.min.css";

    /// <summary>Its licence, which goes wherever it goes.</summary>
    public const string ChartLicence = "uPlot.LICENSE";

    /// <summary>Our charts of curves.</summary>
    public const string Charts = "charts.js";

    /// <summary>The style of a page, light and dark.</summary>
    public const string Page = "page.css";

    /// <summary>The style of what a report has beside curves.</summary>
    public const string ReportStyle = "report.css";

    /// <summary>Maps of embeddings.</summary>
    public const string Report = "report.js";

    /// <summary>UMAP, which maps compute in the page: umap-js (https://github.com/PAIR-code/umap-js, Apache-2.0) as its authors publish it.</summary>
    public const string Umap = "umap-js.min.js";

    /// <summary>Its licence, and those of what is in it.</summary>
    public const string UmapLicence = "umap-js.LICENSE";

    /// <summary>The bytes of one.</summary>
    public static byte[] Bytes(string name)
    {
        using var stream = typeof(ReportAssets).Assembly.GetManifestResourceStream($"Reports/{name}")
            ?? throw new ArgumentException($"there is no asset {name}", nameof(name));
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>The text of one.</summary>
    public static string Text(string name) => System.Text.Encoding.UTF8.GetString(Bytes(name));
}
