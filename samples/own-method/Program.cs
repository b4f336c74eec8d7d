using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

using OwnMethod;

using SelfSup.Errors;
using SelfSup.Hosting;

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

// The host has logged what is wrong; whoever called reads it from the exit code, the same as that of selfsup.
return outcome.Error switch
{
    null => 0,
    SelfSupException error => error.ExitCode,
    _ => 1,
};
