using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

using SelfSup.Distributed;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Telemetry;
using SelfSup.Training;

namespace SelfSup.Hosting;

/// <summary>Pretraining runs as services of a .NET host.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>Finishing a step of a large batch and writing its checkpoint may take a while.</summary>
    private static readonly TimeSpan _shutdown = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Adds a pretraining run to a host. It starts with the host, or goes on where it stopped; when the host is told to stop,
    /// it finishes its step and writes a checkpoint. While it trains, the garbage collector of the process runs between its
    /// steps only, as long as little is allocated beside it. How it ended, an error in the recipe included, is in the
    /// <see cref="RunOutcome"/> of the host's services once the host has stopped; errors are logged too. Their
    /// <see cref="CheckpointRequest"/> asks for a checkpoint between.
    /// </summary>
    /// <param name="services">The host's services; one run a host.</param>
    /// <param name="recipePath">The recipe, a YAML file. It is read when the host starts; environment variables
    /// <c>SELFSUP__SECTION__KEY</c> replace its settings.</param>
    /// <param name="runDirectory">Where the run's files go; <c>runs/NAME</c> where it is left out.</param>
    /// <returns>What adds methods and listeners.</returns>
    public static SelfSupBuilder AddSelfSup(
        this IServiceCollection services, string recipePath, string? runDirectory = null)
    {
        var builder = new SelfSupBuilder(services);
        services.AddSingleton(builder);
        services.TryAddSingleton<LoggingProgress>();
        services.TryAddSingleton<IHangResponse, HostHangResponse>();
        services.AddRun(new RunOutcome(), new CheckpointRequest(), provider =>
        {
            var recipe = builder.Reader.Read(recipePath, RunEnvironment.Settings(), builder.Overrides);
            RunEnvironment.LoadTorch();
            var log = provider.GetRequiredService<LoggingProgress>();
            if (recipe.Telemetry is { Otlp: not null } or { Prometheus: not null })
            {
                log.Warn($"telemetry.otlp and telemetry.prometheus: are for the command line; here the host exports meter and source {TrainingMetrics.SourceName}");
            }

            return provider.Create(
                recipe,
                builder.Reader,
                RunDirectoryOf(recipe, runDirectory),
                builder.AllowedChanges,
                builder.Progress ?? log,
                RunEnvironment.Ranks());
        });
        return builder;
    }

    /// <summary>The command line's run: its recipe is read already, and its signals become exit codes.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="recipe">A validated recipe.</param>
    /// <param name="reader">The catalogues it was read with.</param>
    /// <param name="runDirectory">Where the run's files go.</param>
    /// <param name="allowedChanges">Settings that may differ from those the run was started with.</param>
    /// <param name="progress">Where the run tells how it goes.</param>
    /// <param name="outcome">Filled when the run has ended.</param>
    /// <param name="request">Asks for checkpoints.</param>
    /// <param name="signals">What stops the run.</param>
    /// <param name="onHang">What is done about a run that hangs.</param>
    /// <param name="place">Which rank this is.</param>
    internal static IServiceCollection AddSelfSup(
        this IServiceCollection services,
        Recipe recipe,
        RecipeReader reader,
        string runDirectory,
        IReadOnlyList<string> allowedChanges,
        IRunProgress progress,
        RunOutcome outcome,
        CheckpointRequest request,
        RunSignals signals,
        IHangResponse onHang,
        RankEnvironment place) => services
            .AddSingleton<LoggingProgress>()
            .AddRun(outcome, request, provider => provider.Create(
                recipe, reader, runDirectory, allowedChanges, new ProgressPair(progress, provider.GetRequiredService<LoggingProgress>()), place))
            .AddSingleton(signals)
            .AddSingleton(onHang)
            .AddSingleton<IHostLifetime, SignalLifetime>()
            // As long as the step and its checkpoint take: whoever cannot wait sends a second signal.
            .Configure<HostOptions>(options => options.ShutdownTimeout = Timeout.InfiniteTimeSpan);

    /// <summary>The directory of a run that may have been named.</summary>
    internal static string RunDirectoryOf(Recipe recipe, string? named) => Path.GetFullPath(named ?? Path.Combine("runs", recipe.Run.Name!));

    private static IServiceCollection AddRun(
        this IServiceCollection services, RunOutcome outcome, CheckpointRequest request, Func<IServiceProvider, Pretraining> create)
    {
        if (services.Any(service => service.ServiceType == typeof(RunOutcome)))
        {
            throw new InvalidOperationException("AddSelfSup: there is a run already, and a host has one; start another host for another run");
        }

        services.AddMetrics();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<TrainingMetrics>();
        services.AddSingleton(outcome);
        services.AddSingleton(request);
        services.AddSingleton<Func<Pretraining>>(provider => () => create(provider));
        services.AddHostedService<TrainerService>();
        return services.Configure<HostOptions>(
            options => options.ShutdownTimeout = options.ShutdownTimeout > _shutdown ? options.ShutdownTimeout : _shutdown);
    }

    private static Pretraining Create(
        this IServiceProvider provider,
        Recipe recipe,
        RecipeReader reader,
        string runDirectory,
        IReadOnlyCollection<string> allowedChanges,
        IRunProgress progress,
        RankEnvironment place)
    {
        var gpu = RunEnvironment.Gpu(place, Devices.Find(recipe.Training.Device));
        return Pretraining.Create(
            recipe,
            reader,
            runDirectory,
            progress,
            provider.GetRequiredService<TrainingMetrics>(),
            provider.GetRequiredService<TimeProvider>(),
            new RunControls
            {
                Checkpoint = provider.GetRequiredService<CheckpointRequest>(),
                OnHang = provider.GetRequiredService<IHangResponse>(),
                StoppedBy = () => provider.GetRequiredService<RunOutcome>().Signal is { } signal ? Signals.Stop(signal) : null,
                AllowedChanges = allowedChanges,
                Gpu = gpu,
                ReadGpu = gpu is { } index ? RunEnvironment.GpuReader(index) : null,
                Cores = RunEnvironment.Cores(place),
                OnJoined = () => provider.GetRequiredService<RunOutcome>().Joined = true,
            },
            communicator: RunEnvironment.Join(place, gpu));
    }
}
