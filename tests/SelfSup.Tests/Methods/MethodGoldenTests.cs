using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Tests.Support;

using static SelfSup.Tests.Losses.LossGolden;
using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>
/// Whole methods against the reference implementations, step after step: the loss, and what is remembered of it. Where the
/// reference begins with embeddings, those are given to <see cref="Method.Compare"/>.
/// </summary>
internal static class MethodGoldenTests
{
    [GoldenComponent("moco")]
    internal static void MoCoTakesTheSameSteps(GoldenCase golden)
    {
        var (weight, bias) = (GoldenCase.Tensor(golden.Input("query_weight")), GoldenCase.Tensor(golden.Input("query_bias")));
        var (keyMomentum, learningRate) = (Parameter(golden, "momentum"), Parameter(golden, "sgd_lr"));
        using var method = new MoCo(
            new MoCoOptions
            {
                KeyMomentum = keyMomentum,
                QueueLength = (int)Parameter(golden, "queue_size"),
                Temperature = Temperature(golden),
            },
            LinearContext(weight.shape[1], weight.shape[0]));
        // The reference moves the key encoder before its first step too; there the move of a step comes behind the one before.
        Tensor Moved(string key, Tensor query) => (keyMomentum * GoldenCase.Tensor(golden.Input(key))) + ((1 - keyMomentum) * query);
        Set(
            method,
            ("encoder.parameters.head.weight", weight),
            ("encoder.parameters.head.bias", bias),
            ("key.parameters.head.weight", Moved("key_weight", weight)),
            ("key.parameters.head.bias", Moved("key_bias", bias)),
            ("queue.keys", GoldenCase.Tensor(golden.Input("queue_initial")).t()));
        var step = 0;
        ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            Close(outputs.GetProperty("key_weight"), State(method, "key.parameters.head.weight"));
            var batch = Batch(step++, GoldenCase.Tensor(inputs.GetProperty("im_q")), GoldenCase.Tensor(inputs.GetProperty("im_k")));
            var parameters = method.Encoder.Parameters;
            parameters.Gradients.zero_();
            var embeddings = new Embeddings(method.Embed(method.Encoder, batch), Constants(method, batch));
            var loss = method.Compare(batch, embeddings);
            loss.backward();
            Close(outputs.GetProperty("loss"), loss);
            Close(gradients.GetProperty("query_weight"), parameters.Segments.Single(s => s.Name == "head.weight").Of(parameters.Gradients));
            Close(gradients.GetProperty("query_bias"), parameters.Segments.Single(s => s.Name == "head.bias").Of(parameters.Gradients));
            using (no_grad())
            {
                parameters.Values.sub_(parameters.Gradients * learningRate);
            }

            method.Commit(batch, embeddings);
            Close(outputs.GetProperty("query_weight_after_sgd"), State(method, "encoder.parameters.head.weight"));
            Close(outputs.GetProperty("queue_after"), State(method, "queue.keys").t());
            Assert.Equal(outputs.GetProperty("queue_ptr_after").GetInt64(), State(method, "queue.head").item<long>());
        });
    }

    [GoldenComponent("ntxent_memory_bank")]
    internal static void SimClrMemoryTakesTheSameSteps(GoldenCase golden)
    {
        var bank = GoldenCase.Tensor(golden.Input("bank_initial"));
        var (head, length) = (0L, bank.shape[0]);
        ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            using var method = new SimClrMemory(
                new SimClrMemoryOptions { QueueLength = (int)length, Temperature = Temperature(golden) }, LinearContext(bank.shape[1], bank.shape[1]));
            Set(method, ("memory.keys", bank), ("memory.head", tensor(head)));
            var (z0, z1) = (Learned(inputs.GetProperty("z0")), Learned(inputs.GetProperty("z1")));
            var embeddings = new Embeddings([Unit(z0), Unit(z1)], []);
            var loss = method.Compare(Batch(0), embeddings);
            Close(outputs.GetProperty("loss"), loss);
            GradientsAreClose(loss, (gradients.GetProperty("z0"), z0), (gradients.GetProperty("z1"), z1));
            method.Commit(Batch(0), embeddings);
            if (head + z0.shape[0] <= length)
            {
                Close(outputs.GetProperty("bank_after"), State(method, "memory.keys"));
            } // else the reference drops the end of the batch, where ours goes on at the beginning

            (bank, head) = (GoldenCase.Tensor(outputs.GetProperty("bank_after")), outputs.GetProperty("ptr_after").GetInt64());
        });
    }

    [GoldenComponent("instdisc_linear")]
    internal static void InstanceDiscriminationRenewsTheSameSlots(GoldenCase golden)
    {
        var slots = GoldenCase.Tensor(golden.Input("memory_initial"));
        using var method = new InstanceDiscrimination(
            new InstanceDiscriminationOptions
            {
                Loss = InstanceLoss.Softmax,
                Temperature = Temperature(golden),
                BankMomentum = golden.Params.TryGetProperty("memory_momentum", out var m) ? m.GetDouble() : 0.5,
            },
            LinearContext(slots.shape[1], slots.shape[1], slots.shape[0]));
        Set(method, ("bank.slots", slots));
        var step = 0;
        ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            var x = Learned(inputs.GetProperty("x"));
            var batch = OfSamples(step++, GoldenCase.Tensor(inputs.GetProperty("y")));
            var embeddings = new Embeddings([x], Constants(method, batch));
            var loss = method.Compare(batch, embeddings);
            Close(outputs.GetProperty("loss"), loss);
            GradientsAreClose(loss, (gradients.GetProperty("x"), x));
            method.Commit(batch, embeddings);
            Close(outputs.GetProperty("memory_after"), State(method, "bank.slots"));
        });
    }

    [GoldenComponent("nnclr")]
    internal static void NnClrTakesTheSameSteps(GoldenCase golden)
    {
        var queue = GoldenCase.Tensor(golden.Input("queue_initial"));
        using var method = new NnClr(
            new NnClrOptions { QueueLength = (int)queue.shape[0], Temperature = Temperature(golden) },
            LinearContext(queue.shape[1], queue.shape[1]));
        Set(method, ("support.keys", queue));
        ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            Tensor Of(string name) => Learned(inputs.GetProperty(name));
            var (p1, p2, z1, z2) = (Of("p1"), Of("p2"), Of("z1"), Of("z2"));
            var embeddings = new Embeddings([Unit(p1), Unit(p2), Unit(z1), Unit(z2)], []);
            var loss = method.Compare(Batch(0), embeddings);
            Close(outputs.GetProperty("loss_symmetric"), loss);
            GradientsAreClose(loss, (gradients.GetProperty("p1"), p1), (gradients.GetProperty("p2"), p2));
            Assert.Null(z1.grad);
            method.Commit(Batch(0), embeddings);
            Close(outputs.GetProperty("queue_after"), State(method, "support.keys"));
        });
    }

    [GoldenComponent("dino")]
    internal static void DinoTakesTheSameSteps(GoldenCase golden)
    {
        if (golden.Name == "teacher_temp_schedule")
        {
            var options = new DinoOptions
            {
                FirstTeacherTemperature = Parameter(golden, "warmup_teacher_temp"),
                TeacherTemperature = Parameter(golden, "teacher_temp"),
                TeacherWarmupEpochs = (int)Parameter(golden, "warmup_epochs"),
            };
            var expected = golden.Outputs.GetProperty("teacher_temp_per_epoch");
            Close(expected, tensor([.. Enumerable.Range(0, (int)Parameter(golden, "epochs")).Select(e => options.TeacherTemperatureAt(e))]));
            return;
        }

        var center = GoldenCase.Tensor(golden.Input("center_initial"));
        var (outputs, views) = (center.shape[0], golden.Inputs.GetProperty("steps")[0].GetProperty("student").GetArrayLength());
        using var method = new Dino(
            new DinoOptions
            {
                Prototypes = (int)outputs,
                SmallViews = views - 2,
                TeacherTemperature = Parameter(golden, "teacher_temp"),
                StudentTemperature = Parameter(golden, "student_temp"),
                CenterMomentum = Parameter(golden, "center_momentum"),
                HeldEpochs = 0,
                Momentum = 1,
            },
            LinearContext(outputs, outputs));
        // A last layer that changes nothing: embeddings are the file's logits.
        var same = eye(outputs, dtype: float64);
        Set(method, ("encoder.parameters.prototypes.weight", same), ("teacher.parameters.prototypes.weight", same), ("center", center));
        ForEachStep(golden, (inputs, results, gradients) =>
        {
            Tensor[] student = [.. inputs.GetProperty("student").EnumerateArray().Select(Learned)];
            var embeddings = new Embeddings(student, Each(inputs.GetProperty("teacher")));
            var loss = method.Compare(Batch(0), embeddings);
            Close(results.GetProperty("loss"), loss);
            GradientsAreClose(loss, [.. gradients.GetProperty("student").EnumerateArray().Zip(student)]);
            method.Commit(Batch(0), embeddings);
            Close(results.GetProperty("center_after"), State(method, "center"));
        });
    }

    [GoldenComponent("swav")]
    internal static void SwAvPredictsTheSameCodes(GoldenCase golden)
    {
        Tensor[] high = [.. golden.Input("high").EnumerateArray().Select(Learned)];
        Tensor[] low = [.. golden.Input("low").EnumerateArray().Select(Learned)];
        Tensor[] queue = golden.Inputs.TryGetProperty("queue", out var queued) ? Each(queued) : [];
        Assert.SkipUnless(high.Length == 2, "only two views are assigned");
        var count = high[0].shape[1];
        using var method = new SwAv(
            new SwAvOptions
            {
                Prototypes = (int)count,
                SmallViews = low.Length,
                Temperature = Temperature(golden),
                Epsilon = Parameter(golden, "sinkhorn_epsilon"),
                Iterations = (int)Parameter(golden, "sinkhorn_iterations"),
                QueueLength = queue.Length == 0 ? 0 : (int)queue[0].shape[0],
            },
            LinearContext(count, count));
        // Prototypes that change nothing: embeddings are the file's scores.
        Set(method, ("encoder.parameters.prototypes.weight", eye(count, dtype: float64)));
        for (var view = 0; view < queue.Length; view++)
        {
            Set(method, ($"queue{view}.keys", queue[view]), ($"queue{view}.written", tensor(queue[view].shape[0])));
        }

        Tensor[] views = [.. high, .. low];
        var loss = method.Compare(Batch(0), new Embeddings(views, []));
        Close(golden.Outputs.GetProperty("loss"), loss);
        GradientsAreClose(
            loss, [.. golden.Gradients.GetProperty("high").EnumerateArray().Zip(high), .. golden.Gradients.GetProperty("low").EnumerateArray().Zip(low)]);
    }

    /// <summary>A backbone that changes nothing under a linear head.</summary>
    private static MethodContext LinearContext(long inputs, long outputs, long images = 100) => new(
        parts => new Encoder(nn.Identity(), nn.Linear(inputs, outputs, dtype: float64), new EncoderWidths(inputs, outputs), parts),
        images,
        Communicator.Single);

    private static ViewBatch Batch(long step, params Tensor[] views) => new(step, 0, arange(4), zeros(4, int64), views);

    private static ViewBatch OfSamples(long step, Tensor samples) => new(step, 0, samples, zeros_like(samples), []);

    private static IReadOnlyList<Tensor> Constants(Method method, ViewBatch batch)
    {
        using var _ = no_grad();
        return method.Target(batch);
    }

    /// <summary>Replaces parts of a method's state.</summary>
    private static void Set(Method method, params (string Name, Tensor Value)[] replaced)
    {
        using var saved = StateArchive.Saving();
        method.Exchange(saved);
        var entries = saved.Entries.ToDictionary();
        foreach (var (name, value) in replaced)
        {
            Assert.Contains(name, entries.Keys);
            entries[name] = value;
        }

        method.Exchange(StateArchive.Loading(entries, "golden"));
    }

    /// <summary>A part of its state.</summary>
    private static Tensor State(Method method, string name)
    {
        var saved = StateArchive.Saving(); // its tensors end with the check's scope
        method.Exchange(saved);
        return saved.Entries[name];
    }
}
