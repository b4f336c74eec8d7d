using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>What one thread of the loader needs to make the views of one image after another.</summary>
/// <param name="source">The data, shared by all workers.</param>
/// <param name="views">The pipeline of each view, shared by all workers.</param>
/// <param name="options">The loader's options.</param>
/// <param name="unreadable">Takes the images that were skipped, shared by all workers.</param>
/// <param name="pause">Waits before a file is tried again; false where there is no sense in it.</param>
internal sealed class ViewWorker(
    IImageSource source, IReadOnlyList<ViewPipeline> views, ViewLoaderOptions options, UnreadableImages unreadable,
    Func<TimeSpan, bool> pause)
{
    /// <summary>When so many images drawn at random cannot be read, there is nothing to train on.</summary>
    private const int SubstituteTries = 100;

    private readonly PatientReader _reader = new(source, options.Pauses, pause);
    private readonly ImageDecoder _decoder = new(options.MaxPixels, options.Decoder);
    private readonly StoredImage _stored = new();
    private readonly DecodedImage _image = new();
    private readonly ViewPlan[] _plans = [.. views.Select(_ => new ViewPlan())];
    private readonly ViewCanvas _canvas = new();
    private DecodedCounts _decoded;

    /// <summary>How its images came so far; other threads may see it a little late.</summary>
    public DecodedCounts Decoded => _decoded;

    /// <summary>Makes all views of one row of a batch.</summary>
    /// <param name="slot">The batch.</param>
    /// <param name="row">The row.</param>
    /// <param name="substitutes">Whether another image takes the place of one that is skipped.</param>
    /// <exception cref="DataException">
    /// The image cannot be decoded and may not be skipped, or none can; or a file cannot be read or has changed.
    /// </exception>
    public void Fill(BatchSlot slot, int row, bool substitutes)
    {
        var index = slot.Indices[row];
        if (!Make(slot, row, index))
        {
            if (!substitutes)
            {
                slot.LeaveOut(row);
                return;
            }

            index = MakeSubstitute(slot, row, index);
        }

        slot.SetRow(row, index, source.Label(index));
    }

    /// <summary>
    /// Plans the views of an image, decodes what they show and makes them; false where that cannot be and the image may
    /// be skipped.
    /// </summary>
    private bool Make(BatchSlot slot, int row, int index)
    {
        try
        {
            var isThere = options.Cache?.TryGet(index, _image.Pixels) == true;
            if (isThere)
            {
                _image.SetPixels(DecodedBy.Nothing);
                _image.Where = new ImageLocation(source, index);
            }
            else
            {
                _reader.Read(index, _stored);
                _decoder.Open(_stored, _image, new ImageLocation(source, index));
                if (_image.By != DecodedBy.Nothing && _image.Planes is null)
                {
                    options.Cache?.Add(index, _image.Pixels);
                }
            }

            for (var view = 0; view < views.Count; view++)
            {
                views[view].Plan(_plans[view], _image, options.Seed, slot.Epoch, index, view);
            }

            if (!isThere)
            {
                DecodeShown();
            }

            for (var view = 0; view < views.Count; view++)
            {
                views[view].Make(_canvas, _image, _plans[view], slot.View(view, row));
            }

            _decoded.Add(_image.By, isThere);
            return true;
        }
        catch (DataException e) when (options.OnUnreadable == OnUnreadable.Skip && !e.IsSourceLost)
        {
            unreadable.Add(index, source.Locate(index), e.Message);
            return false;
        }
    }

    /// <summary>One decoding for all views: the rectangle around all that they show.</summary>
    private void DecodeShown()
    {
        var shown = _plans[0].Placement.Source;
        var shrinking = options.ScaleJpeg ? _plans[0].Placement.Shrinking : 1;
        foreach (var plan in _plans.AsSpan(1))
        {
            shown = shown.Union(plan.Placement.Source);
            shrinking = Math.Min(shrinking, plan.Placement.Shrinking);
        }

        var scale = shrinking switch
        {
            >= 8 => 8,
            >= 4 => 4,
            >= 2 => 2,
            _ => 1,
        };
        _decoder.Decode(_stored, shown, scale, _image);
    }

    /// <summary>Makes the views of an image in place of another, chosen as a function of (seed, epoch, sample).</summary>
    private int MakeSubstitute(BatchSlot slot, int row, int sample)
    {
        // View 1 of this purpose: view 0 (of sample 0) is the order of the epoch.
        var random = new CounterRandom(options.Seed, RandomPurpose.Order, slot.Epoch, sample, view: 1);
        for (var attempt = 0; attempt < SubstituteTries; attempt++)
        {
            var index = random.NextInt(source.Count);
            if (Make(slot, row, index))
            {
                return index;
            }
        }

        throw new DataException(
            $"{source.Locate(sample)}: cannot be read, and none of {SubstituteTries} other images drawn at random "
            + "can, some must be readable; look at the data, or see one error with data.onUnreadable: fail");
    }
}
