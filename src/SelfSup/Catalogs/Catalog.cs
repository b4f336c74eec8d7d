using System.Reflection;
using System.Runtime.ExceptionServices;

namespace SelfSup.Catalogs;

/// <summary>
/// The implementations of <typeparamref name="T"/> a recipe can name: every class marked <see cref="NamedAttribute"/>
/// in the given assemblies. Each has one public constructor whose first parameter is its options class; the remaining
/// parameters are handed over by <see cref="Create"/>.
/// </summary>
internal sealed class Catalog<T> : ICatalog
    where T : class
{
    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    public Catalog(params IEnumerable<Assembly> assemblies)
    {
        var named = from assembly in assemblies
                    from type in assembly.GetTypes()
                    where type.IsAssignableTo(typeof(T)) && !type.IsAbstract
                    let name = type.GetCustomAttribute<NamedAttribute>()?.Name
                    where name is not null
                    select (name, type);
        foreach (var (name, type) in named)
        {
            Add(name, type);
        }
    }

    /// <summary>The names, in ordinal order.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>The options class that the recipe's section is bound to.</summary>
    /// <exception cref="KeyNotFoundException">There is no such name.</exception>
    public Type OptionsType(string name) => Find(name).Options;

    /// <summary>The class itself.</summary>
    /// <exception cref="KeyNotFoundException">There is no such name.</exception>
    public Type TypeOf(string name) => Find(name).Constructor.DeclaringType!;

    public T Create(string name, object options, params object[] context)
    {
        try
        {
            return (T)Find(name).Constructor.Invoke([options, .. context]);
        }
        catch (TargetInvocationException e) when (e.InnerException is not null)
        {
            ExceptionDispatchInfo.Throw(e.InnerException);
            throw;
        }
    }

    /// <summary>Adds a class of another assembly, or one without an attribute.</summary>
    public void Add(string name, Type type)
    {
        if (type.IsAbstract || !type.IsAssignableTo(typeof(T)))
        {
            throw new InvalidOperationException($"{type} is named '{name}' but is no {typeof(T).Name} that can be made");
        }

        if (type.GetConstructors() is not [var constructor] || constructor.GetParameters() is not [var options, ..])
        {
            throw new InvalidOperationException(
                $"{type} is named '{name}' but has not exactly one public constructor whose first parameter is its options");
        }

        if (options.ParameterType.GetConstructor([]) is null)
        {
            throw new InvalidOperationException(
                $"{type} is named '{name}' but its first parameter, {options.ParameterType}, has no constructor without parameters, as options "
                + "have");
        }

        if (!_entries.TryAdd(name, new Entry(options.ParameterType, constructor)))
        {
            throw new InvalidOperationException(
                $"{type} and {_entries[name].Constructor.DeclaringType} are both named '{name}'");
        }
    }

    private Entry Find(string name) => _entries.TryGetValue(name, out var entry)
        ? entry
        : throw new KeyNotFoundException($"there is no '{name}'; there are: {string.Join(", ", Names)}");

    private sealed record Entry(Type Options, ConstructorInfo Constructor);
}
