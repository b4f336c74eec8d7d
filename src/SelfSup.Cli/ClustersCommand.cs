using System.CommandLine;
using System.Globalization;

using SelfSup.Evaluation;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary><c>selfsup clusters BACKBONE</c>.</summary>
internal static class ClustersCommand
{
    public static Command Create()
    {
        var arguments = new SetArguments();
        var defaults = new KMeansOptions();
        var clusters = new Option<int?>("--clusters") { Description = "How many (default: as many as there are classes)", HelpName = "n" };
        var restarts = new Option<int>("--restarts")
        {
            Description = "How often k-means begins anew; the best result is taken",
            HelpName = "n",
            DefaultValueFactory = _ => defaults.Restarts,
        };
        var seed = new Option<ulong>("--seed") { Description = "Chooses first centres", HelpName = "n", DefaultValueFactory = _ => defaults.Seed };
        var command = new Command(
            "clusters",
            "Judges a backbone by how well clusters of k-means agree with the classes: NMI, AMI, ARI, purity, beside a random initialisation. " +
            "Example: selfsup clusters runs/quickstart");
        arguments.AddTo(command);
        foreach (var option in new Option[] { clusters, restarts, seed })
        {
            command.Add(option);
        }

        command.SetAction((parsed, _) =>
        {
            var options = new KMeansOptions
            {
                Clusters = parsed.GetValue(clusters),
                Restarts = parsed.GetValue(restarts),
                Seed = parsed.GetValue(seed),
                Distance = arguments.Distance(parsed),
            };
            RecipeBinder.Require(options, "clusters");
            var clustering = new Clustering(options);
            return Task.FromResult(arguments.Run(
                parsed, labels => clustering.Require(labels), images => clustering.Evaluate(images), Rows, report => report.Notes));
        });
        return command;
    }

    private static IEnumerable<(string Name, string Value)> Rows(ClusteringReport report)
    {
        yield return ("clusters", report.Clusters.ToString("N0", CultureInfo.InvariantCulture));
        yield return ("NMI", SetArguments.Percent(report.Scores.Nmi));
        yield return ("AMI", SetArguments.Percent(report.Scores.Ami));
        yield return ("ARI", SetArguments.Percent(report.Scores.Ari));
        yield return ("purity", SetArguments.Percent(report.Scores.Purity));
    }
}
