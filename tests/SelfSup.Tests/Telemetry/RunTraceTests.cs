using System.Diagnostics;

using SelfSup.Telemetry;

namespace SelfSup.Tests.Telemetry;

/// <summary>Spans as a listener sees them; other tests may train beside this one, in traces of their own.</summary>
public sealed class RunTraceTests : IDisposable
{
    private readonly ActivitySource _around = new("RunTraceTests");
    private readonly ActivityListener _listener;
    private readonly List<Activity> _ended = [];
    private Activity? _root;

    public RunTraceTests()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source == _around || source.Name == TrainingMetrics.SourceName,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if (activity.TraceId == _root?.TraceId)
                {
                    _ended.Add(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public void Dispose()
    {
        _listener.Dispose();
        _around.Dispose();
    }

    [Fact]
    public void EpochsFollowOneAnotherInsideTheRun()
    {
        using var root = Begin();
        using (var trace = new RunTrace())
        {
            trace.Epoch(3);
            trace.Epoch(3);
            trace.Epoch(4);
            using (RunTrace.Between("evaluation", 50))
            {
            }

            trace.Ended(isFinished: true);
        }

        Assert.Equal(["epoch", "evaluation", "epoch", "run"], _ended.Select(span => span.OperationName));
        Assert.Equal((4L, 5L), (_ended[0].GetTagItem("selfsup.epoch"), _ended[2].GetTagItem("selfsup.epoch")));
        Assert.All([_ended[0], _ended[2]], epoch => Assert.Equal(_ended[3].SpanId, epoch.ParentSpanId));
        Assert.Equal(_ended[2].SpanId, _ended[1].ParentSpanId);
        Assert.Equal("finished", _ended[3].GetTagItem("selfsup.outcome"));
    }

    [Fact]
    public void WhatGoesOnBesideStepsHoldsNothingElse()
    {
        using var root = Begin();
        using var trace = new RunTrace();
        trace.Epoch(0);
        var checkpoint = RunTrace.Beside("checkpoint", 10);
        using (var evaluation = RunTrace.Between("evaluation", 10))
        {
            Assert.NotEqual(checkpoint!.SpanId, evaluation!.ParentSpanId);
        }

        trace.Epoch(1);
        var current = Activity.Current;
        RunTrace.End(checkpoint);
        Assert.Same(current, Activity.Current);
        Assert.Equal(["evaluation", "epoch", "checkpoint"], _ended.Select(span => span.OperationName));
        Assert.Equal(_ended[0].ParentSpanId, _ended[2].ParentSpanId);
    }

    [Fact]
    public void AnErrorIsRecordedWithItsStackTrace()
    {
        using var root = Begin();
        using (var trace = new RunTrace())
        {
            trace.Epoch(0);
            trace.Failed(new InvalidDataException("the loss is NaN"));
        }

        Assert.All(_ended, span => Assert.Equal((ActivityStatusCode.Error, "the loss is NaN"), (span.Status, span.StatusDescription)));
        var happened = Assert.Single(_ended[^1].Events);
        Assert.Equal("exception", happened.Name);
        Assert.Equal("System.IO.InvalidDataException", happened.Tags.Single(tag => tag.Key == "exception.type").Value);
        Assert.Equal("failed", _ended[^1].GetTagItem("selfsup.outcome"));
    }

    [Fact]
    public void ARestartIsAsLongAsTheRunWasAway()
    {
        using var root = Begin();
        var since = DateTimeOffset.UtcNow.AddMinutes(-3);
        using (var trace = new RunTrace())
        {
            trace.Restarted(since, "SIGKILL", 137);
        }

        Assert.Equal(["restart", "run"], _ended.Select(span => span.OperationName));
        Assert.Equal((since.UtcDateTime, _ended[1].SpanId), (_ended[0].StartTimeUtc, _ended[0].ParentSpanId));
        Assert.True(_ended[0].Duration >= TimeSpan.FromMinutes(3));
        Assert.Equal(("SIGKILL", 137), (_ended[0].GetTagItem("selfsup.restart.signal"), _ended[0].GetTagItem("selfsup.restart.exit_code")));
    }

    private Activity Begin() => _root = _around.StartActivity("test")!;
}
