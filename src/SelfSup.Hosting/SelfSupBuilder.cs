using System.Reflection;

using Microsoft.Extensions.DependencyInjection;

using SelfSup.Catalogs;
using SelfSup.Methods;
using SelfSup.Recipes;
using SelfSup.Training;

namespace SelfSup.Hosting;

/// <summary>What a hosted run has beside its recipe. It counts until the host starts: the recipe is read then.</summary>
public sealed class SelfSupBuilder
{
    private readonly List<string> _overrides = [];
    private readonly List<string> _allowedChanges = [];

    internal SelfSupBuilder(IServiceCollection services) => Services = services;

    /// <summary>The host's services.</summary>
    public IServiceCollection Services { get; }

    /// <summary>The catalogues that the recipe is read with.</summary>
    internal RecipeReader Reader { get; } = new();

    /// <summary>Where the run tells how it goes, or null for the host's log.</summary>
    internal IRunProgress? Progress { get; private set; }

    /// <summary>Whether the host is stopped when the run has ended.</summary>
    internal bool StopsHost { get; private set; } = true;

    /// <summary>Settings that replace those of the recipe.</summary>
    internal IReadOnlyList<string> Overrides => _overrides;

    /// <summary>Settings that may differ from those the run was started with.</summary>
    internal IReadOnlyList<string> AllowedChanges => _allowedChanges;

    /// <summary>Replaces settings of the recipe, also those that the environment has replaced.</summary>
    /// <param name="assignments">Each <c>section.key=value</c>.</param>
    public SelfSupBuilder Set(params IEnumerable<string> assignments)
    {
        _overrides.AddRange(assignments);
        return this;
    }

    /// <summary>Lets a run go on under other settings than those it was started with; the change is written into its history.</summary>
    /// <param name="keys">Settings, or sections of them, such as <c>training.epochs</c> or <c>optimizer</c>.</param>
    public SelfSupBuilder AllowChange(params IEnumerable<string> keys)
    {
        _allowedChanges.AddRange(keys);
        return this;
    }

    /// <summary>Lets the recipe ask for a method of another assembly by the name of its <see cref="NamedAttribute"/>.</summary>
    /// <exception cref="InvalidOperationException">It has no such attribute, or not the constructor a method has.</exception>
    public SelfSupBuilder AddMethod<TMethod>()
        where TMethod : Method => AddMethod<TMethod>(
            typeof(TMethod).GetCustomAttribute<NamedAttribute>()?.Name
            ?? throw new InvalidOperationException($"{typeof(TMethod)} is not marked [Named]; mark it, or say its name: AddMethod<{typeof(TMethod).Name}>(\"name\")"));

    /// <summary>Lets the recipe ask for a method of another assembly by a name.</summary>
    /// <exception cref="InvalidOperationException">The name is taken, or the class has not the constructor a method has.</exception>
    public SelfSupBuilder AddMethod<TMethod>(string name)
        where TMethod : Method
    {
        if (typeof(TMethod).GetConstructors() is not [var constructor] || constructor.GetParameters() is not [_, { ParameterType: var context }]
            || context != typeof(MethodContext))
        {
            throw new InvalidOperationException(
                $"{typeof(TMethod)} must have one public constructor, (TOptions options, {nameof(MethodContext)} context)");
        }

        Reader.Methods.Add(name, typeof(TMethod));
        return this;
    }

    /// <summary>Tells the program how the run goes, in place of the host's log. Called from the thread that trains; warnings come from others
    /// too.</summary>
    public SelfSupBuilder ReportTo(IRunProgress progress)
    {
        Progress = progress;
        return this;
    }

    /// <summary>Leaves the host running when the run has ended: for hosts that do more than train.</summary>
    public SelfSupBuilder KeepHostRunning()
    {
        StopsHost = false;
        return this;
    }
}
