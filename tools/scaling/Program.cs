using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Tools.Scaling;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var root = new RootCommand("Predicts the time of a training step over many ranks, measures what that needs, and compares; docs/scaling.md has the formula")
{
    PredictCommand.Create(),
    MeasureCommand.Create(),
    CompareCommand.Create(),
};

try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (SelfSupException e)
{
    await Console.Error.WriteLineAsync($"scaling: {e.Message}");
    return e.ExitCode;
}
