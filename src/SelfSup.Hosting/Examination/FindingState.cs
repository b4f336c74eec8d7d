namespace SelfSup.Hosting.Examination;

/// <summary>How something stands that training may need.</summary>
internal enum FindingState
{
    /// <summary>It is there and works.</summary>
    Ok,

    /// <summary>It is not there; training that does not need it goes on without.</summary>
    Missing,

    /// <summary>It was set up and does not work.</summary>
    Wrong,
}
