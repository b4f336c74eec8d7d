using SelfSup.Errors;
using SelfSup.Tests.Support;
using SelfSup.Training;

namespace SelfSup.Tests.Training;

public sealed class RunDirectoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ALookAtTheLockDoesNotKeepARunOut()
    {
        var look = Hold();
        var waits = 0;
        using var directory = RunDirectory.Open(_folder.Path, _ =>
        {
            if (++waits == 2)
            {
                look.Dispose();
            }
        });
        Assert.Equal(2, waits);
    }

    [Fact]
    public void AHeldDirectoryIsRefusedAfterAThirdOfASecond()
    {
        using var first = RunDirectory.Open(_folder.Path);
        var waited = TimeSpan.Zero;
        var error = Assert.Throws<RecipeException>(() => RunDirectory.Open(_folder.Path, time => waited += time));
        Assert.Contains("is in use by process", error.Message, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromMilliseconds(300), waited);
    }

    private FileStream Hold() => new(_folder.File("run.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
}
