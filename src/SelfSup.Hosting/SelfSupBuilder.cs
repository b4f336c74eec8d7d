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
    internal SelfSupBuilder(IServiceCollection services) => Services = services;

    /// <summary>The host's services.</summary>
    public IServiceCollection Services { get; }

    /// <summary>The catalogues that the recipe is read with.</summary>
    internal RecipeReader Reader { get; } = new();

    /// <summary>Where the run tells how it goes, or null for the host's log.</summary>
    internal IRunProgress? Progress { get; private set; }

    /// <summary>Whether the host is stopped when the run has ended.</summary>
    internal bool StopsHost { get; private set; } = true;

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
        Reader.Methods.Add(name, typeof(TMethod));
        return this;
    }

    /// <summary>Tells the program how the run goes, in place of the host's log. Called from the thread that trains.</summary>
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
