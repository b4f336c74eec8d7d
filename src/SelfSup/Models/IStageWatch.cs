namespace SelfSup.Models;

/// <summary>Told how far the way back through a network has come.</summary>
internal interface IStageWatch
{
    /// <summary>A stage is gone through on the way forward; once for each call.</summary>
    void Entered(TorchSharp.torch.nn.Module stage);

    /// <summary>The way back has left a stage, and all that stands behind it, through one of its calls.</summary>
    void Left(TorchSharp.torch.nn.Module stage);
}
