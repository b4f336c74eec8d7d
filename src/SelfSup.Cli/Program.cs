using System.CommandLine;
using System.Globalization;

using SelfSup.Cli;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var root = new RootCommand(
    "Self-supervised contrastive pretraining: from unlabelled images to a backbone. " +
    "Start with: selfsup pretrain recipes/quickstart.yaml")
{
    PretrainCommand.Create(),
    FinetuneCommand.Create(),
    ResumeCommand.Create(),
    RunsCommand.Create(),
    ReportCommand.Create(),
    DashboardCommand.Create(),
    MethodsCommand.Create(),
    ViewsCommand.Create(),
    ProfileCommand.Create(),
    KnnCommand.Create(),
    LinearProbeCommand.Create(),
    RetrievalCommand.Create(),
    VerifyCommand.Create(),
    EpisodesCommand.Create(),
    ClustersCommand.Create(),
    IdentifyCommand.Create(),
    ExportCommand.Create(),
    EmbedCommand.Create(),
    NeighborsCommand.Create(),
    DuplicatesCommand.Create(),
    DataCommand.Create(),
    StacksCommand.Create(),
    DoctorCommand.Create(),
    ProbeCommand.Create(),
};

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors)
    {
        Console.Error.WriteLine($"selfsup: {error.Message}");
    }

    Console.Error.WriteLine("selfsup: see selfsup --help, or selfsup VERB --help");
    return ExitCodes.Usage;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,
        ProcessTerminationTimeout = null, // signals are the run's own: it finishes its step first
    });
}
catch (Exception e)
{
    return ErrorReport.Print(e, Console.Error);
}
