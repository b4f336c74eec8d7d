using System.Reflection;
using System.Runtime.Loader;

using SelfSup.Catalogs;
using SelfSup.Errors;

namespace SelfSup.Cli;

/// <summary>
/// An assembly of the user's with methods of their own. What it shares with the program, SelfSup and TorchSharp first of all,
/// is the program's: a tensor of another copy would be another type. The rest comes from beside it.
/// </summary>
internal sealed class OwnAssembly : AssemblyLoadContext
{
    private readonly AssemblyDependencyResolver _resolver;

    private OwnAssembly(string path) => _resolver = new AssemblyDependencyResolver(path);

    /// <summary>Loads an assembly that has something for a recipe.</summary>
    /// <exception cref="RecipeException">There is none, it cannot be loaded, or no class of it is named.</exception>
    public static Assembly Load(string path)
    {
        if (!File.Exists(path))
        {
            throw new RecipeException($"--assembly {path}: does not exist; name a built assembly, such as bin/Release/net10.0/My.Methods.dll");
        }

        try
        {
            var full = Path.GetFullPath(path);
            var assembly = new OwnAssembly(full).LoadFromAssemblyPath(full);
            return assembly.GetTypes().Any(type => type.IsDefined(typeof(NamedAttribute)))
                ? assembly
                : throw new RecipeException($"--assembly {path}: no class in it is marked [Named]; mark the method with the name that recipes ask for");
        }
        catch (ReflectionTypeLoadException e)
        {
            var reason = e.LoaderExceptions.FirstOrDefault()?.Message ?? e.Message;
            throw new RecipeException($"--assembly {path}: cannot be loaded ({reason.ReplaceLineEndings(" ")}); build it against SelfSup {Version} and leave what it needs beside it");
        }
        catch (Exception e) when (e is BadImageFormatException or IOException or InvalidOperationException or UnauthorizedAccessException)
        {
            throw new RecipeException($"--assembly {path}: cannot be loaded ({e.Message.ReplaceLineEndings(" ")}); name a built .NET assembly");
        }
    }

    private static string Version => Training.RunIdentity.Version;

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        try
        {
            return Default.LoadFromAssemblyName(assemblyName);
        }
        catch (FileNotFoundException)
        {
            return _resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;
        }
    }
}
