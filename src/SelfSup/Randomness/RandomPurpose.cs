namespace SelfSup.Randomness;

/// <summary>Keeps the streams of random numbers of a run apart, so that one more draw here changes nothing there.</summary>
public enum RandomPurpose
{
    /// <summary>Parameters of the augmentations of one view of one sample.</summary>
    Augmentation = 1,

    /// <summary>The order of the samples in an epoch.</summary>
    Order = 2,

    /// <summary>Samples chosen once, such as a held-out part or the images of a contact sheet.</summary>
    Selection = 3,

    /// <summary>Negatives drawn from a memory bank.</summary>
    Negatives = 4,

    /// <summary>The order of a batch for shuffled BatchNorm.</summary>
    Shuffle = 5,

    /// <summary>Patches of an image and their order.</summary>
    Jigsaw = 6,

    /// <summary>What a miner chooses among pairs and triplets.</summary>
    Mining = 12,

    /// <summary>Directions along which sets of features are compared.</summary>
    Projections = 13,

    /// <summary>What a method outside the library draws: <c>view</c> keeps several purposes of its own apart.</summary>
    Outside = 100,
}
