namespace SelfSup.Tools.Scaling.Model;

/// <summary>
/// A cluster of nodes with eight H100 SXM, an NDR InfiniBand link each, by published and measured numbers.
/// </summary>
internal static class Published
{
    public static Constant ViewRate { get; } = new(
        "v", "views a GPU takes forward and backward, ResNet-50, 224 pixels, bfloat16", 4050, "views/s",
        "2,470 images/s on an A100-80GB ([NVIDIA, PyTorch, mixed precision, one GPU][resnet]), times the memory speeds 3.35 / 2.04: " +
        "the network waits for memory, at 12.6 % of the dense speed");

    public static Constant DenseSpeed { get; } = new(
        "", "large dense products, bfloat16", 790, "TFLOP/s", "measured on an H200; what v is compared with, 24.6 GFLOP a view");

    public static Constant LaunchFloor { get; } = new(
        "f", "starting all operations of a forward pass, and of a backward pass", 10.4, "ms",
        "a forward pass of one image takes 10.37 ms, of 8 images 11.5 ms ([NVIDIA, PyTorch, V100][resnet]); backward assumed alike");

    public static Constant NodeBandwidth { get; } = new(
        "B_node", "NVLink and NVSwitch, bus bandwidth of a GPU", 370, "GB/s",
        "450 GB/s each way less protocol ([NCCL's authors][nvlink]); in-switch sums reach 476 ([measured][ndr]) and are left out");

    public static Constant NodeLatency { get; } = new(
        "a_node", "smallest all-reduce on eight GPUs", 18, "us", "32 KB in 18.0 us ([nccl-tests on eight H20][small])");

    public static Constant LinkBandwidth { get; } = new(
        "B_link", "InfiniBand NDR, 400 Gb/s, a link a GPU", 47, "GB/s", "46 to 48 GB/s are to be expected ([NCCL's authors][ndr])");

    public static Constant LinkLatency { get; } = new(
        "a_link", "added by each doubling of the number of nodes", 10, "us",
        "smallest all-reduce of two nodes with a GPU each, 19 us ([nccl-tests, HDR][two]), half of it the start; tree");

    public static Constant MemoryBandwidth { get; } = new(
        "B_mem", "a GPU's memory, read and written", 3.0, "TB/s", "4.3 TB/s measured on an H200 of 4.8, times 3.35");

    public static Constant LossSpeed { get; } = new(
        "F_loss", "products of the loss, float32", 30, "TFLOP/s", "assumed: under half of the 67 that an H100 has");

    public static Constant HostBandwidth { get; } = new(
        "B_host", "images to the GPU, not beside the step", 25, "GB/s", "assumed: under half of PCIe 5.0 x16's 63");

    public static Constant LoaderRate { get; } = new(
        "L", "images with two views at 224 pixels a core makes", 1199, "images/s", "measured, README's Performance; 13 cores a GPU (112 in a node, one a GPU trains)");

    public static Constant Interference { get; } = new(
        "i", "of messages beside backward, the share of their time that backward loses", 10, "%", "assumed: NCCL's kernels take some of the GPU");

    public static Constant Spread { get; } = new(
        "s", "standard deviation of a rank's compute time", 1, "%", "assumed");

    public static IReadOnlyList<Constant> All { get; } =
    [
        ViewRate, DenseSpeed, LaunchFloor, NodeBandwidth, NodeLatency, LinkBandwidth, LinkLatency, MemoryBandwidth, LossSpeed, HostBandwidth,
        LoaderRate, Interference, Spread,
    ];

    /// <summary>The cluster that they make.</summary>
    public static Cluster Cluster { get; } = new()
    {
        Network = new Network(8, 1e9 * NodeBandwidth.Value, 1e-6 * NodeLatency.Value, 1e9 * LinkBandwidth.Value, 1e-6 * LinkLatency.Value),
        ViewsPerSecond = ViewRate.Value,
        LaunchFloor = 1e-3 * LaunchFloor.Value,
        MemoryBandwidth = 1e12 * MemoryBandwidth.Value,
        LossSpeed = 1e12 * LossSpeed.Value,
        HostBandwidth = 1e9 * HostBandwidth.Value,
        LoaderImagesPerSecond = 13 * LoaderRate.Value,
        Interference = 1e-2 * Interference.Value,
        Spread = 1e-2 * Spread.Value,
    };

    private const double ViewBytes = 3 * 224 * 224 * 4;
    private const double ImageNet = 1_281_167;

    /// <summary>SimCLR with a ResNet-50, normalised over all ranks, LARS.</summary>
    public static Workload SimClr { get; } = new()
    {
        Segments = Architectures.ResNet50(headParameters: 4_458_624), // 2,048 x 2,048 with normalisation, 2,048 x 128
        LearnedViews = 2,
        ViewBytes = ViewBytes,
        SyncedNorms = 53 + 1,
        NormBytes = 4 * 2 * 501, // 26,560 channels in 53 layers
        GatheredViews = 2,
        OptimizerPasses = 7, // weights and momentum read and written, gradients read, and two norms
        SnapshotBytes = 2 * 4 * 28e6,
        EpochImages = ImageNet,
    };

    /// <summary>MoCo v2 with a ResNet-50: keys shuffled over all ranks, a queue of 65,536.</summary>
    public static Workload MoCo { get; } = new()
    {
        Segments = Architectures.ResNet50(headParameters: 4_458_624),
        LearnedViews = 1,
        KeyViews = 1,
        ViewBytes = ViewBytes,
        GatheredKeys = 1,
        Shuffle = Shuffle.Gathered,
        ShuffleBytes = ViewBytes,
        QueueColumns = 65_536,
        OptimizerPasses = 5 + 3, // and the key encoder read and written, the weights read
        SnapshotBytes = (3 * 4 * 28e6) + (65_536 * 128 * 4),
        EpochImages = ImageNet,
    };
}
