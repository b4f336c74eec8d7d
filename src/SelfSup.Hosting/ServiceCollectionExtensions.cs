using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Telemetry;
using SelfSup.Training;

namespace SelfSup.Hosting;

internal static class ServiceCollectionExtensions
{
    /// <summary>
    /// Adds a pretraining run to a host: it starts with the host and stops the host when it ends.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="recipe">A validated recipe.</param>
    /// <param name="reader">The catalogues it was read with.</param>
    /// <param name="runDirectory">Where the run's files go.</param>
    /// <param name="progress">Where the run tells how it goes.</param>
    /// <param name="outcome">Filled when the run has ended.</param>
    public static IServiceCollection AddSelfSup(
        this IServiceCollection services,
        Recipe recipe,
        RecipeReader reader,
        string runDirectory,
        IRunProgress progress,
        RunOutcome outcome)
    {
        services.AddMetrics();
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<TrainingMetrics>();
        services.AddSingleton(outcome);
        services.AddSingleton<IHostLifetime, SignalLifetime>();
        services.AddSingleton<Func<Pretraining>>(provider => () => Pretraining.Create(
            recipe,
            reader,
            runDirectory,
            progress,
            provider.GetRequiredService<TrainingMetrics>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<TrainerService>();
        // Finishing a step of a large batch and writing its checkpoint may take a while.
        services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMinutes(10));
        return services;
    }
}
