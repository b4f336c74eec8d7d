namespace SelfSup.Images;

/// <summary>
/// Marks a setting that is a path. In a recipe file it is relative to the file's own folder, on the command line and in
/// environment variables to the current one.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class PathSettingAttribute : Attribute;
