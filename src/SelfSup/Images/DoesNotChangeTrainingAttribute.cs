namespace SelfSup.Images;

/// <summary>
/// Marks a section or setting that does not change what is trained: a run may be resumed with another value of it.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class DoesNotChangeTrainingAttribute : Attribute;
