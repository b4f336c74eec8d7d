using System.Reflection;

namespace SelfSup.Catalogs;

/// <summary>The catalogues of all that recipes can choose from, over the same assemblies.</summary>
/// <param name="assemblies">Where implementations are looked for.</param>
internal sealed class CatalogSet(params IReadOnlyList<Assembly> assemblies)
{
    private readonly Dictionary<Type, ICatalog> _catalogs = [];

    /// <summary>The catalogue of what is a <paramref name="product"/>.</summary>
    public ICatalog this[Type product]
    {
        get
        {
            if (!_catalogs.TryGetValue(product, out var catalog))
            {
                catalog = (ICatalog)Activator.CreateInstance(typeof(Catalog<>).MakeGenericType(product), [assemblies])!;
                _catalogs.Add(product, catalog);
            }

            return catalog;
        }
    }

    /// <summary>The catalogue of what is a <typeparamref name="T"/>.</summary>
    public Catalog<T> Of<T>()
        where T : class => (Catalog<T>)this[typeof(T)];

    /// <summary>Makes what was chosen.</summary>
    /// <param name="choice">The name and its options.</param>
    /// <param name="context">What the constructor takes beside its options.</param>
    public T Create<T>(Choice choice, params object[] context)
        where T : class => Of<T>().Create(choice.Name, choice.Options, context);
}
