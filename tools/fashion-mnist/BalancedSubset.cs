using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Tools.FashionMnist;

/// <summary>The part of the data that is small enough to be kept beside the code.</summary>
internal static class BalancedSubset
{
    /// <summary>The first images of each class, equally many, in the order of the source.</summary>
    /// <exception cref="DataException">A class has fewer images.</exception>
    public static List<int> Choose(IImageSource images, int count)
    {
        var perClass = count / images.ClassNames.Count;
        var taken = new int[images.ClassNames.Count];
        var rows = new List<int>(count);
        for (var index = 0; index < images.Count; index++)
        {
            if (taken[images.Label(index)] < perClass)
            {
                taken[images.Label(index)]++;
                rows.Add(index);
            }
        }

        return rows.Count == count
            ? rows
            : throw new DataException(
                $"{images.Locate(0)}: {perClass:N0} images of each class are not there, only {taken.Min():N0} of one; "
                + "ask for fewer");
    }
}
