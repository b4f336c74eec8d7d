using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Tools.Fuzz;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var folders = new Argument<string[]>("folder")
{
    Description = "Folders of image files, or of files of tensors, with the folders in them",
    Arity = ArgumentArity.OneOrMore,
};
var cases = new Option<int>("--cases") { Description = "How many cases.", DefaultValueFactory = _ => 10_000 };
var seed = new Option<long>("--seed") { Description = "The seed of the first case.", DefaultValueFactory = _ => 1 };
var one = new Option<string[]>("--case")
{
    Description = "A seed and a file of the folders: only this case.",
    Arity = new ArgumentArity(2, 2),
    AllowMultipleArgumentsPerToken = true,
    HelpName = "SEED FILE",
};
var tensors = new Option<bool>("--tensors")
{
    Description = "Damages safetensors and PyTorch's files, and opens them.",
};
var root = new RootCommand(
    "Damages images and decodes them the way that views take, or damages files of tensors and opens them. Example: "
    + "dotnet run -c Release --project tools/fuzz -- photos --cases 100000")
{
    folders, cases, seed, one, tensors,
};
root.SetAction(result =>
{
    using var run = new FuzzRun(result.GetValue(folders)!, result.GetValue(tensors));
    return result.GetValue(one) is { Length: 2 } named
        ? run.One(long.Parse(named[0]), named[1])
        : run.Many(result.GetValue(cases), result.GetValue(seed));
});
one.Validators.Add(result =>
{
    if (result.Tokens.Count > 0 && !long.TryParse(result.Tokens[0].Value, out _))
    {
        result.AddError($"--case: a seed must be a number, is '{result.Tokens[0].Value}'");
    }
});

try
{
    return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (SelfSupException e)
{
    Console.Error.WriteLine(e.Message);
    return e.ExitCode;
}
