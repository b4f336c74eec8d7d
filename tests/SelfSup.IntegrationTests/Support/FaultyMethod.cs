using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Losses;
using SelfSup.Methods;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.IntegrationTests.Support;

/// <summary>
/// SimCLR that goes wrong as a file says: a line <c>STEP FAULT</c> for each thing that happens while that step is made, 0 being
/// the time before the first. A line is taken out before it happens, so that it happens once; the recipe stays the same.
/// </summary>
[Named("faulty")]
[Paper("Chen et al. 2020, a simple framework for contrastive learning", "https://arxiv.org/abs/2002.05709")]
[Views(2)]
public sealed partial class FaultyMethod : Method
{
    private readonly FaultyOptions _options;

    public FaultyMethod(FaultyOptions options, MethodContext context)
        : base(context)
    {
        _options = options;
        Meet(0);
    }

    /// <inheritdoc/>
    public override int Views => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) =>
        encoder.Embed(cat([batch.Views[0], batch.Views[1]])).chunk(2);

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        Meet(batch.Step + 1);
        var local = cat([embeddings.Learned[0], embeddings.Learned[1]]);
        return NtXent.Loss(local, Context.Communicator.GatherLearned(local), Context.Communicator.Rank, _options.Temperature);
    }

    private void Meet(long step)
    {
        if (!File.Exists(_options.Faults))
        {
            return;
        }

        string[] lines = File.ReadAllLines(_options.Faults);
        var number = step.ToString(CultureInfo.InvariantCulture);
        if (Array.FindIndex(lines, line => line.Split(' ')[0] == number) is var index and >= 0)
        {
            File.WriteAllLines(_options.Faults, lines.Where((_, i) => i != index));
            Happen(lines[index].Split(' ')[1], step);
        }
    }

    private static void Happen(string fault, long step)
    {
        switch (fault)
        {
            case "kill":
                Process.GetCurrentProcess().Kill(); // SIGKILL
                Thread.Sleep(Timeout.Infinite);
                break;
            case "throw":
                throw new TrainingException($"a fault was asked for at step {step}; do not ask for it");
            case "hang":
                HangInALibrary();
                break;
            case "wait":
                WaitForLeave();
                break;
            default:
                throw new UnreachableException(fault);
        }
    }

    /// <summary>Stuck for ever, in native code as in most hangs.</summary>
    private static void HangInALibrary()
    {
        while (true)
        {
            _ = WaitForASignal();
        }
    }

    /// <summary>Stuck until a file is there.</summary>
    private static void WaitForLeave()
    {
        File.WriteAllText("waiting", "");
        while (!File.Exists("leave"))
        {
            Thread.Sleep(5);
        }
    }

    [LibraryImport("libc", EntryPoint = "pause")]
    private static partial int WaitForASignal();
}

/// <summary>The <c>method</c> section.</summary>
public sealed class FaultyOptions
{
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.2;

    /// <summary>The file, in the current folder.</summary>
    public string Faults { get; set; } = "faults";
}
