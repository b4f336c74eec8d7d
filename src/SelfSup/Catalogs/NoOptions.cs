namespace SelfSup.Catalogs;

/// <summary>The settings of what has none but its name.</summary>
public sealed class NoOptions;
