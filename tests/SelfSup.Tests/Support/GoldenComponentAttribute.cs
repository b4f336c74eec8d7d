using System.Reflection;
using System.Text.RegularExpressions;

namespace SelfSup.Tests.Support;

/// <summary>
/// Marks a static method <c>(GoldenCase)</c> that checks every case of the golden files whose name (without
/// extension) matches the pattern.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GoldenComponentAttribute(string pattern) : Attribute
{
    public string Pattern { get; } = pattern;

    /// <summary>
    /// The checks of a component, none where it is not built yet; more than one where a loss is checked by itself and within
    /// its method.
    /// </summary>
    public static IReadOnlyList<Action<GoldenCase>> Find(string component) =>
    [
        .. from type in typeof(GoldenComponentAttribute).Assembly.GetTypes()
           from method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
           let attribute = method.GetCustomAttribute<GoldenComponentAttribute>()
           where attribute is not null && Regex.IsMatch(component, $"^(?:{attribute.Pattern})$")
           select method.CreateDelegate<Action<GoldenCase>>(),
    ];
}
