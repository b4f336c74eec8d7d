using SelfSup.Cli;
using SelfSup.Errors;

namespace SelfSup.Tests.Cli;

/// <summary>Where results are written.</summary>
public sealed class CommonOptionsTests
{
    /// <summary>It would be renamed away, by whoever may.</summary>
    [Theory]
    [InlineData("/dev/null")]
    [InlineData("/dev/../dev/stdout")]
    public void ADeviceIsNoPlaceForAFile(string path)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no /dev");
        var written = false;
        foreach (var action in new Action[] { () => CommonOptions.RequireFolder("--out", path), () => CommonOptions.Write("--out", path, _ => written = true) })
        {
            Assert.Equal($"--out {path}: is a device, must be a file; name one", Assert.Throws<RecipeException>(action).Message);
        }

        Assert.False(written);
        CommonOptions.RequireFolder("--out", "/dev/shm/x.safetensors");
    }
}
