using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Tensors;
using SelfSup.Tools.Throughput;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var root = new RootCommand(
    "Measures how fast views, losses and training steps are made, and prints it as JSON. Example: "
    + "dotnet run -c Release --project tools/throughput -- compare-views photos")
{
    CompareViews.Command(),
    CompareDecoders.Command(),
    CompareStep.Command(),
    ScaleWorkers.Command(),
    StreamParquet.Command(),
    MakeParquet.Command(),
    CompareLosses.Command(),
    CompareLosses.MemoryCommand(),
    MeasureBank.Command(),
    MeasureCheckpoint.Command(),
    MeasureRetrieval.Command(),
    MeasureEmbedding.Command(),
    MeasureTelemetry.Command(),
};

try
{
    TorchRuntime.Initialise(
        Environment.GetEnvironmentVariable("SELFSUP_LIBTORCH") is { Length: > 0 } folder ? folder : null);
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (SelfSupException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return e.ExitCode;
}
