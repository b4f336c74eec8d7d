namespace SelfSup.Evaluation;

/// <summary>One way to judge an encoder while it is trained.</summary>
internal interface IMeasure
{
    /// <summary>Values in 0..1, by the names under which they are reported.</summary>
    IEnumerable<(string Name, double Value)> Of(JudgedEncoder judged, CancellationToken cancellationToken);
}
