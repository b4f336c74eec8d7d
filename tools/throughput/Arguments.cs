using System.CommandLine;

namespace SelfSup.Tools.Throughput;

/// <summary>Arguments and options that several verbs share.</summary>
internal static class Arguments
{
    public static Argument<string> Folder() => new("folder") { Description = "A folder of photographs" };

    public static Option<int> Rounds() => Count("--rounds", "How often everything is measured, in turn.", 7);

    public static Option<double> Seconds(double value = 2)
    {
        var option = new Option<double>("--seconds")
        {
            Description = "How long one measurement takes, about.",
            DefaultValueFactory = _ => value,
        };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is var seconds && seconds is not (> 0 and <= 3600))
            {
                result.AddError($"--seconds: must be more than 0 and at most 3600, is {seconds}");
            }
        });
        return option;
    }

    /// <summary>An option with a number from 1.</summary>
    public static Option<int> Count(string name, string description, int value)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is var count && count < 1)
            {
                result.AddError($"{name}: must be at least 1, is {count}");
            }
        });
        return option;
    }
}
