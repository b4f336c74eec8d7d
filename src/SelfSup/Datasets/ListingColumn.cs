namespace SelfSup.Datasets;

/// <summary>A column that is asked of a listing.</summary>
/// <param name="Name">What it is called in the file.</param>
/// <param name="Holds">What its cells are read as.</param>
/// <param name="IsOptional">Whether the file may be without it; where it is there, every row has a value.</param>
/// <param name="Unless">A column that it stands in for: where the file has that one, this one is not read.</param>
/// <param name="Unwanted">What leaves it unread, said where a cell of it cannot be read; null where nothing does.</param>
internal readonly record struct ListingColumn(
    string Name, ListingCells Holds, bool IsOptional = false, string? Unless = null, string? Unwanted = null);

/// <summary>What the cells of a column are read as.</summary>
internal enum ListingCells
{
    /// <summary>Names; numbers count as their digits.</summary>
    Text,

    /// <summary>Finite numbers; <c>true</c> and <c>false</c> count as 1 and 0.</summary>
    Numbers,
}
