using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

using SelfSup.Hosting;
using SelfSup.Tools.OwnMethod;

// own-method RECIPE RUN: trains by a recipe that may ask for alignUniform; the same command again goes on where it stopped.
if (args is not [var recipe, var run, .. var settings])
{
    Console.Error.WriteLine("own-method RECIPE RUN [section.key=value ...]");
    return 2;
}

var builder = Host.CreateApplicationBuilder();
builder.Services.AddSelfSup(recipe, run).Set(settings).AddMethod<AlignUniform>();
using var host = builder.Build();
var outcome = host.Services.GetRequiredService<RunOutcome>();
await host.RunAsync();
return outcome.Error is null ? 0 : 1; // the host has logged what is wrong
