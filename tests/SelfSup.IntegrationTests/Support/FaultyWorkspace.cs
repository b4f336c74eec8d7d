using System.Globalization;
using System.Text.RegularExpressions;

namespace SelfSup.IntegrationTests.Support;

/// <summary>A workspace whose recipe asks for <see cref="FaultyMethod"/>, and the faults that are to happen.</summary>
internal sealed partial class FaultyWorkspace : IDisposable
{
    /// <summary>Settings under which a run hangs after 6 s: the fewest in which a loaded machine surely makes a step.</summary>
    public static readonly string[] HangsSoon = ["--set", "run.hangMinutes=0.1"];

    /// <summary>Settings under which it ends then.</summary>
    public static readonly string[] StopsWhenItHangs = [.. HangsSoon, "--set", "run.onHang=stop"];

    private static readonly TimeSpan _toTakeNote = TimeSpan.FromSeconds(1);
    private static readonly string[] _assembly = ["--assembly", typeof(FaultyMethod).Assembly.Location];

    private readonly Workspace _workspace = new();

    public FaultyWorkspace() => File.WriteAllText(
        this["tiny.yaml"], File.ReadAllText(this["tiny.yaml"]).Replace("name: simclr", "name: faulty", StringComparison.Ordinal));

    public string this[params string[] parts] => _workspace[parts];

    /// <summary>What is to happen: a line for each, <c>STEP FAULT</c>.</summary>
    public void Faults(params string[] lines) => File.WriteAllLines(this["faults"], lines);

    public RunFiles Files(string run) => _workspace.Files(run);

    public Outcome Pretrain(string run, params string[] more) => _workspace.Pretrain(run, [.. _assembly, .. more]);

    public Outcome Resume(string run, params string[] more) => _workspace.Run(["resume", run, .. _assembly, .. more]);

    public Outcome Verb(params string[] arguments) => _workspace.Run(arguments);

    public SelfSupProcess Start(string run, params string[] more) => _workspace.Start(run, [.. _assembly, .. more]);

    /// <summary>Starts <c>selfsup pretrain</c> by another program.</summary>
    public SelfSupProcess StartBy(string program, string[] arguments, string run, params string[] more) =>
        _workspace.StartBy(program, arguments, run, [.. _assembly, .. more]);

    /// <summary>Waits until a run stands at a fault <c>wait</c>.</summary>
    public void WaitForFault(SelfSupProcess process)
    {
        process.WaitUntil(() => File.Exists(this["waiting"]), "the run did not come to its fault");
        if (!File.Exists(this["waiting"]))
        {
            Assert.Fail(process.Wait().Error);
        }
    }

    /// <summary>Lets it go on.</summary>
    public void Leave() => File.WriteAllText(this["leave"], "");

    /// <summary>Lets it go on when it has had time to take note of a signal: no sign of that can be seen from outside.</summary>
    public void LeaveWhenSignalled()
    {
        Thread.Sleep(_toTakeNote);
        Leave();
    }

    /// <summary>Sends a signal twice, and not so soon that the system makes one of them.</summary>
    public static void SignalTwice(SelfSupProcess process, string name)
    {
        process.Signal(name);
        Thread.Sleep(_toTakeNote);
        process.Signal(name);
    }

    /// <summary>The process that holds a run.</summary>
    public int Trainer(string run) => int.Parse(
        ProcessNumber().Match(File.ReadAllText(this[run, "run.holder"])).Value, CultureInfo.InvariantCulture);

    public void Dispose() => _workspace.Dispose();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex ProcessNumber();
}
