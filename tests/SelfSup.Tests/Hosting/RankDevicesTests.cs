using SelfSup.Errors;
using SelfSup.Hosting.Supervision;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Hosting;

public sealed class RankDevicesTests
{
    [Theory]
    [InlineData("0,1,2,3", "0,1,2,3", 4)]
    [InlineData("3, 1", "3,1", 2)]
    [InlineData("5", "5", 1)]
    [InlineData("all", "0,1,2,3,4,5,6,7", 8)]
    [InlineData("cpu:4", "cpu:4", 4)]
    [InlineData("cpu", "cpu:1", 1)]
    public void DevicesAreRead(string text, string devices, int ranks)
    {
        var parsed = RankDevices.Parse(text, () => 8);
        Assert.Equal((devices, ranks), (parsed.ToString(), parsed.Ranks));
    }

    [Theory]
    [InlineData("", 8, "--devices: is empty, must be GPUs by their numbers")]
    [InlineData(" ", 8, "--devices: is empty")]
    [InlineData("0,1,0", 8, "--devices 0,1,0: 0 is named twice")]
    [InlineData("0,one", 8, "'one' is no GPU, must be GPUs by their numbers (0,1,2,3), all, or a number of ranks on the CPU (cpu:4)")]
    [InlineData("0,,1", 8, "'' is no GPU")]
    [InlineData("-1", 8, "'-1' is no GPU")]
    [InlineData("0,8", 8, "there is no GPU 8 here, they are 0 to 7")]
    [InlineData("0", 0, "there is none at all")]
    [InlineData("all", 0, "--devices all: no GPU is seen here")]
    [InlineData("cpu:0", 8, "--devices cpu:0: is no rank")]
    [InlineData("cpu:", 8, "--devices cpu:: is no number of ranks")]
    [InlineData("cpu:many", 8, "is no number of ranks")]
    [InlineData("cpus", 8, "is no number of ranks")]
    [InlineData("0,cpu:2", 8, "'cpu:2' is no GPU")]
    public void WhatNamesNoDevicesSaysWhatDoes(string text, int gpus, string message) =>
        Assert.Contains(message, Assert.Throws<RecipeException>(() => RankDevices.Parse(text, () => gpus)).Message, StringComparison.Ordinal);

    [Fact]
    public void GpusAreCountedWithoutTheirLibraries()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(0, RankDevices.CountGpus(null, folder.File("none")));
        foreach (var name in new[] { "nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm", "null" })
        {
            folder.Write(name);
        }

        Assert.Equal(3, RankDevices.CountGpus(null, folder.Path));
        Assert.Equal(2, RankDevices.CountGpus("4,6", folder.Path));
        Assert.Equal(2, RankDevices.CountGpus("GPU-8932f937,MIG-1", folder.Path));
        Assert.Equal(1, RankDevices.CountGpus("2,-1,3", folder.Path));
        Assert.Equal(0, RankDevices.CountGpus("", folder.Path));
    }

    [Theory]
    [InlineData(256, 3, "training.globalBatchSize: 256 cannot be shared by 3 ranks (--devices), must be divisible by 3; set 255 or 258")]
    [InlineData(3, 4, "must be divisible by 4; set 4")]
    public void ABatchIsSharedEqually(int batch, int ranks, string message)
    {
        Assert.Equal(message, Assert.Throws<RecipeException>(() => new RankDevices(null, ranks).RequireShares(batch)).Message[^message.Length..]);
        new RankDevices(null, ranks).RequireShares(ranks * 8);
    }

    [Fact]
    public void WithoutARankTheMostOthersGoOnThatShareTheBatch()
    {
        var gpus = new RankDevices([4, 5, 6, 7], 4);
        Assert.Equal("4,6,7", gpus.Without(1, 1, 96)!.ToString());
        Assert.Equal("5,6", gpus.Without(0, 1, 256)!.ToString());
        Assert.Equal("4", gpus.Without(1, 1, 5)!.ToString());
        Assert.Equal("cpu:6", new RankDevices(null, 8).Without(2, 5, 96)!.ToString());
        Assert.Null(gpus.Without(0, 3, 256));
        Assert.Null(new RankDevices(null, 1).Without(0, 1, 256));
    }
}
