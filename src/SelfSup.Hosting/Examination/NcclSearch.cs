namespace SelfSup.Hosting.Examination;

/// <summary>Where NCCL may be.</summary>
internal static class NcclSearch
{
    /// <summary>The environment variable that names the library where it is not found by itself, or another is wanted.</summary>
    public const string Variable = "SELFSUP_NCCL";

    private static readonly string[] _names = ["libnccl.so.2", "libnccl.so"];

    /// <summary>Libraries that may be there.</summary>
    /// <param name="libtorch">The folder of libtorch, or null.</param>
    public static IEnumerable<string> Candidates(string? libtorch) => libtorch is null
        ? _names
        :
        [
            .. _names,
            Path.Combine(libtorch, "../../nvidia/nccl/lib", _names[0]), // PyTorch's packages have it in one of their own
            Path.Combine(libtorch, "libtorch_cuda.so"), // some builds have it inside
        ];
}
