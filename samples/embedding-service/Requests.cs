using Microsoft.AspNetCore.Http.HttpResults;

namespace SelfSup.Samples.EmbeddingService;

/// <summary>What is asked of the service.</summary>
internal static class Requests
{
    /// <summary>Embeds the image in the body, or every file of a form.</summary>
    /// <returns>The embeddings in the order of the images; 400 and what is wrong with an image that cannot be read.</returns>
    public static async Task<Results<Ok<EmbeddedImages>, ProblemHttpResult>> Embed(
        HttpRequest request, EmbeddingModel model, CancellationToken cancellationToken)
    {
        try
        {
            var files = await ReadAsync(request, cancellationToken);
            if (files.Count == 0 || files.Count > model.Options.MaxImages)
            {
                return Wrong($"{files.Count} images, must be 1 to {model.Options.MaxImages}: send an image as the body, or some as files of a form");
            }

            var images = new float[files.Count][];
            for (var i = 0; i < images.Length; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                images[i] = model.View.Make(ImageFile.Decode(files[i].Bytes, files[i].Name, model.Options.MaxPixels));
            }

            var embeddings = model.Embed(images);
            return TypedResults.Ok(new EmbeddedImages(model.Output, [.. files.Zip(embeddings, (file, values) => new EmbeddedImage(file.Name, values))]));
        }
        catch (InvalidDataException e)
        {
            return Wrong(e.Message);
        }
        catch (BadHttpRequestException e)
        {
            return TypedResults.Problem(e.Message, statusCode: e.StatusCode);
        }
    }

    private static ProblemHttpResult Wrong(string what) => TypedResults.Problem(what, statusCode: StatusCodes.Status400BadRequest);

    private static async Task<List<(string Name, byte[] Bytes)>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        // Tools that post a file as it is call it what they like, an encoded form even.
        if (request.ContentType?.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) is not true)
        {
            var bytes = await ReadAsync(request.Body, cancellationToken);
            return bytes.Length == 0 ? [] : [("image", bytes)];
        }

        var files = new List<(string Name, byte[] Bytes)>();
        foreach (var file in (await request.ReadFormAsync(cancellationToken)).Files)
        {
            await using var stream = file.OpenReadStream();
            files.Add((file.FileName, await ReadAsync(stream, cancellationToken)));
        }

        return files;
    }

    private static async Task<byte[]> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        using var memory = new MemoryStream();
        await stream.CopyToAsync(memory, cancellationToken);
        return memory.ToArray();
    }
}

/// <summary>The answer.</summary>
/// <param name="Output">Which output of the network it is: features or embeddings.</param>
/// <param name="Images">In the order in which they came.</param>
internal sealed record EmbeddedImages(string Output, IReadOnlyList<EmbeddedImage> Images);

/// <summary>An image of the answer.</summary>
/// <param name="Name">The file's name, or <c>image</c> for one that came as the body.</param>
/// <param name="Embedding">What the network made of it.</param>
internal sealed record EmbeddedImage(string Name, float[] Embedding);
