using SelfSup.Checkpoints;

namespace SelfSup.Reports;

/// <summary>The settings in which several runs differ, one a row.</summary>
/// <param name="Key">The setting's path, <c>method.temperature</c>.</param>
/// <param name="Values">What each run has, in the runs' order; <see cref="SettingChange.NotSet"/> where one does not have it.</param>
internal sealed record SettingDifferences(string Key, IReadOnlyList<string> Values)
{
    /// <summary>Compares runs, in the order in which settings stand in recipes; none where there are fewer than two.</summary>
    /// <param name="runs">Every setting of each run by its path.</param>
    public static IReadOnlyList<SettingDifferences> Of(IReadOnlyList<IReadOnlyDictionary<string, string>> runs)
    {
        var sections = runs.SelectMany(run => run.Keys).Select(Section).Distinct().ToList();
        return
        [
            .. from key in runs.SelectMany(run => run.Keys).Distinct()
               let values = runs.Select(run => run.GetValueOrDefault(key, SettingChange.NotSet)).ToArray()
               where values.Distinct().Count() > 1
               orderby sections.IndexOf(Section(key))
               select new SettingDifferences(key, values)
        ];
    }

    private static string Section(string key) => key.Split('.', '[')[0];
}
