// Embeddings of an exported network in ML.NET: a classifier upon them, and what is nearest. See README.md.
//   selfsup export runs/quickstart --format onnx --out backbone.onnx --normalize-input --l2
//   dotnet run -c Release --project samples/mlnet -- backbone.onnx FOLDER-TO-LEARN-FROM FOLDER-TO-TELL

using System.Globalization;
using System.Numerics.Tensors;

using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;

using SelfSup.Samples.MachineLearning;

if (args is not [var file, var learnFrom, var tell, ..] || args.Length > 4)
{
    Console.Error.WriteLine("mlnet MODEL.onnx FOLDER FOLDER [EMBEDDINGS.csv]: learns the classes of the first folder's subfolders, and tells the second one's images");
    return 2;
}

try
{
    var context = new MLContext(seed: 1);
    var network = new OnnxEmbedder(context, file);
    var known = network.Embed(learnFrom);
    var asked = network.Embed(tell);

    // Features are few and good: a linear classifier is enough, and learns in a moment.
    var pipeline = context.Transforms.Conversion.MapValueToKey("Label", nameof(EmbeddedImage.Label))
        .Append(context.MulticlassClassification.Trainers.LbfgsMaximumEntropy(featureColumnName: nameof(EmbeddedImage.Embedding), l1Regularization: 0, l2Regularization: 1e-3f))
        .Append(context.Transforms.Conversion.MapKeyToValue(nameof(Guess.PredictedLabel)));
    var classifier = pipeline.Fit(network.View(known));
    var predicted = classifier.Transform(network.View(asked));
    var guesses = context.Data.CreateEnumerable<Guess>(predicted, reuseRowObject: false).ToArray();

    foreach (var (image, guess) in asked.Zip(guesses))
    {
        var (nearest, similarity) = known
            .Select(other => (other, TensorPrimitives.CosineSimilarity<float>(image.Embedding, other.Embedding))).MaxBy(pair => pair.Item2);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{image.Path}: {guess.PredictedLabel} ({guess.Score.Max():P1}), nearest {nearest.Path} (cosine {similarity:F4})"));
    }

    var metrics = context.MulticlassClassification.Evaluate(predicted);
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{known.Count} images learnt from; {metrics.MicroAccuracy:P1} of {asked.Count} images told rightly"));
    if (args is [.., var csv] && args.Length == 4)
    {
        File.WriteAllLines(csv, asked.Select(image => $"{image.Path},{string.Join(',', image.Embedding.Select(v => v.ToString("R", CultureInfo.InvariantCulture)))}"));
    }

    return 0;
}
catch (Exception e) when (e is InvalidDataException or IOException or OnnxRuntimeException)
{
    Console.Error.WriteLine($"mlnet: {e.Message.ReplaceLineEndings(" ")}");
    return 2;
}
