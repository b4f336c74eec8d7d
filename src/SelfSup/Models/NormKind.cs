using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>What normalises activations.</summary>
internal enum NormKind
{
    /// <summary>Each channel over the batch (Ioffe and Szegedy 2015).</summary>
    Batch,

    /// <summary>Groups of channels of each image (Wu and He 2018, https://arxiv.org/abs/1803.08494).</summary>
    Group,
}

/// <summary>Makes them.</summary>
internal static class NormKinds
{
    // The paper's number of groups; a group of fewer than four channels has too little to normalise over.
    private const long MostGroups = 32;
    private const long FewestChannels = 4;

    /// <summary>A normalisation of so many channels that learns a scale and a shift for each.</summary>
    public static nn.Module<Tensor, Tensor> Create(this NormKind kind, long channels)
    {
        if (kind == NormKind.Batch)
        {
            return nn.BatchNorm2d(channels);
        }

        var groups = Math.Clamp(channels / FewestChannels, 1, MostGroups);
        while (channels % groups != 0)
        {
            groups--;
        }

        var norm = nn.GroupNorm(groups, channels);
        using var _ = no_grad();
        norm.weight!.fill_(1); // TorchSharp 0.107 leaves both as the memory was
        norm.bias!.zero_();
        return norm;
    }
}
