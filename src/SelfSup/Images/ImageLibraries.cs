using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>The libraries of this build: ImageSharp's licence needs a choice by the user, who makes it with <c>-p:ImageSharp=true</c>.</summary>
internal static class ImageLibraries
{
    /// <summary>What to do about a build without ImageSharp.</summary>
    public const string NoImageSharp =
        "is imageSharp, which this build does not have; build with -p:ImageSharp=true if its licence (Six Labors Split License) suits you, or leave it out";

    /// <summary>Whether this build has a library.</summary>
    public static bool Has(ImageLibrary library) =>
#if IMAGESHARP
        library is ImageLibrary.ImageSharp;
#else
        false;
#endif

    /// <summary>A library for one worker; null for SkiaSharp.</summary>
    /// <exception cref="RecipeException">This build does not have it.</exception>
    public static IFileDecoder Create(ImageLibrary? library, long maxPixels) => library switch
    {
        null => new SkiaSharpDecoder(maxPixels),
#if IMAGESHARP
        ImageLibrary.ImageSharp => new ImageSharpDecoder(maxPixels),
#endif
        _ => throw new RecipeException($"data.decoder: {NoImageSharp}"),
    };
}
