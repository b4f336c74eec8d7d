using System.CommandLine;

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary><c>selfsup linear-probe BACKBONE</c>.</summary>
internal static class LinearProbeCommand
{
    public static Command Create()
    {
        var arguments = new JudgeArguments();
        var protocol = new Option<string>("--protocol")
        {
            Description = "lbfgs: logistic regression on features of the middle of each image, regularisation chosen on a held-out " +
                "part; sgd: trained on random resized crops and flips, as MoCo and SimCLR do",
            DefaultValueFactory = _ => "lbfgs",
            HelpName = "sgd|lbfgs",
        };
        protocol.AcceptOnlyFromAmong("sgd", "lbfgs");
        var sgd = new LinearProbeSgdOptions();
        var epochs = new Option<int>("--epochs") { Description = "sgd: passes over the images", DefaultValueFactory = _ => sgd.Epochs };
        var rate = new Option<double>("--learning-rate")
        {
            Description = "sgd: the first learning rate; a tenth after 60 and after 80 % of the epochs (MoCo's protocol)",
            DefaultValueFactory = _ => sgd.LearningRate,
        };
        var batch = new Option<int>("--batch-size") { Description = "sgd: images a step", DefaultValueFactory = _ => sgd.BatchSize };
        var cosine = new Option<bool>("--cosine") { Description = "sgd: half a cosine instead of steps (SimCLR's protocol)" };
        var nesterov = new Option<bool>("--nesterov") { Description = "sgd: Nesterov's momentum (SimCLR's protocol)" };
        var c = new Option<double?>("--C") { Description = "lbfgs: inverse regularisation instead of the held-out choice", HelpName = "c" };
        var command = new Command(
            "linear-probe",
            "Judges a backbone by a linear classifier on its frozen features, beside a random initialisation. " +
            "Example: selfsup linear-probe runs/quickstart --protocol lbfgs");
        arguments.AddTo(command);
        foreach (var option in new Option[] { protocol, epochs, rate, batch, cosine, nesterov, c })
        {
            command.Add(option);
        }

        command.SetAction((parsed, _) =>
        {
            var isLbfgs = parsed.GetValue(protocol) == "lbfgs";
            var others = isLbfgs ? new Option[] { epochs, rate, batch, cosine, nesterov } : [c];
            if (others.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false }) is { } foreign)
            {
                throw new RecipeException(
                    $"{foreign.Name}: has no effect with --protocol {parsed.GetValue(protocol)}; leave it out or choose the other protocol");
            }

            if (isLbfgs)
            {
                var options = new LbfgsProbeOptions { C = parsed.GetValue(c) };
                RecipeBinder.Require(options, "linear-probe");
                return Task.FromResult(arguments.Run(
                    parsed, (judge, _, encoder) => judge.LinearProbe(encoder, options, CancellationToken.None)));
            }

            var n = parsed.GetValue(epochs);
            var settings = new LinearProbeSgdOptions
            {
                Epochs = n,
                BatchSize = parsed.GetValue(batch),
                LearningRate = parsed.GetValue(rate),
                Nesterov = parsed.GetValue(nesterov),
                Schedule = parsed.GetValue(cosine) ? LinearProbeSchedule.Cosine : LinearProbeSchedule.Step,
                Milestones = [0.6 * n, 0.8 * n],
            };
            RecipeBinder.Require(settings, "linear-probe");
            return Task.FromResult(arguments.Run(
                parsed, (judge, _, encoder) => judge.LinearProbe(encoder, settings, CancellationToken.None)));
        });
        return command;
    }
}
