using SelfSup.Hosting.Examination;

using Spectre.Console;

namespace SelfSup.Cli;

/// <summary>Prints what was found of a machine, for people: broken into lines in a terminal, a fact a line in a pipe.</summary>
internal static class DoctorPrinter
{
    private const int LeastText = 24;

    /// <summary>Before what to do.</summary>
    private const string Arrow = "-> ";

    public static void Print(MachineReport report)
    {
        var width = Console.IsOutputRedirected ? int.MaxValue : AnsiConsole.Profile.Width;
        var names = Math.Max(
            report.Groups.SelectMany(group => group.Findings).Max(finding => finding.Name.Length),
            report.Abilities.Max(ability => ability.Name.Length));
        foreach (var group in report.Groups)
        {
            Title(group.Name);
            foreach (var finding in group.Findings)
            {
                var (state, colour) = finding.State switch
                {
                    FindingState.Ok => ("ok", ConsoleColor.Green),
                    FindingState.Missing => ("missing", ConsoleColor.Yellow),
                    _ => ("wrong", ConsoleColor.Red),
                };
                Line(state, colour, finding.Name.PadRight(names), finding.Value, finding.Advice, width);
            }

            Console.WriteLine();
        }

        Title("what works");
        foreach (var ability in report.Abilities)
        {
            Line(
                ability.Works ? "yes" : "no", ability.Works ? ConsoleColor.Green : ConsoleColor.Yellow, ability.Name.PadRight(names),
                ability.Works ? ability.How : $"because {ability.How}", ability.Advice, width);
        }
    }

    private static void Title(string text)
    {
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine(text);
        }
        else
        {
            AnsiConsole.MarkupLine($"[bold]{Markup.Escape(text)}[/]");
        }
    }

    private static void Line(string state, ConsoleColor colour, string name, string text, string? advice, int width)
    {
        var mark = state.PadRight("missing".Length);
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine($"  {mark}  {name}  {text}{(advice is null ? "" : $"; {advice}")}".TrimEnd());
            return;
        }

        var indent = 2 + mark.Length + 2 + name.Length + 2;
        var room = Math.Max(LeastText, width - indent - 1);
        (string Text, bool IsAdvice)[] lines =
        [
            .. Wrap(text, room).Select(line => (line, false)),
            .. Wrap(advice ?? "", room - Arrow.Length).Where(_ => advice is not null)
                .Select((line, i) => ((i == 0 ? Arrow : new string(' ', Arrow.Length)) + line, true)),
        ];
        AnsiConsole.Markup($"  [{Color.FromConsoleColor(colour).ToMarkup()}]{mark}[/]  {Markup.Escape(name)}  ");
        for (var i = 0; i < lines.Length; i++)
        {
            var line = (i == 0 ? "" : new string(' ', indent)) + lines[i].Text;
            AnsiConsole.MarkupLine(lines[i].IsAdvice ? $"[italic]{Markup.Escape(line)}[/]" : Markup.Escape(line));
        }
    }

    /// <summary>Breaks a text at blanks; a word that is longer than a line at a slash of a path, or at the line's end.</summary>
    internal static IEnumerable<string> Wrap(string text, int width)
    {
        var line = "";
        foreach (var word in text.Split(' ').SelectMany(word => Pieces(word, width)))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line;
                line = "";
            }

            line = line.Length == 0 ? word : $"{line} {word}";
        }

        yield return line;
    }

    private static IEnumerable<string> Pieces(string word, int width)
    {
        while (word.Length > width)
        {
            var slash = word.LastIndexOf('/', width - 1);
            var cut = slash > 0 ? slash + 1 : width;
            yield return word[..cut];
            word = word[cut..];
        }

        yield return word;
    }
}
