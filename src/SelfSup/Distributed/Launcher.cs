namespace SelfSup.Distributed;

/// <summary>What has started the ranks of a run.</summary>
internal enum Launcher
{
    /// <summary>Nothing: the process is the only rank.</summary>
    None,

    /// <summary><c>mpirun</c> of Open MPI.</summary>
    OpenMpi,

    /// <summary><c>mpiexec</c> of MPICH, or of a relative: Intel MPI, MVAPICH, Cray MPICH.</summary>
    Mpich,

    /// <summary><c>srun</c>.</summary>
    Slurm,

    /// <summary>What sets PyTorch's variables: <c>torchrun</c>, Kubernetes' PyTorchJob, or this program's <c>--devices</c>.</summary>
    Torch,
}
