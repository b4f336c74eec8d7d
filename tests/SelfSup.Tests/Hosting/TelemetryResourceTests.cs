using OpenTelemetry.Resources;

using SelfSup.Hosting;
using SelfSup.Recipes;

namespace SelfSup.Tests.Hosting;

/// <summary>Whose telemetry it is.</summary>
public sealed class TelemetryResourceTests
{
    [Fact]
    public void RunsOfARecipeAreToldApartByTheirFolders()
    {
        var (first, second) = (Of("/runs/a", rank: 0), Of("/runs/b", rank: 0));
        Assert.Equal(first["selfsup.run.name"], second["selfsup.run.name"]);
        Assert.Equal(("/runs/a", "/runs/b"), (first["selfsup.run.folder"], second["selfsup.run.folder"]));
        Assert.NotEqual(first["service.instance.id"], second["service.instance.id"]);
    }

    [Fact]
    public void RanksOfARunHaveItsFolder()
    {
        var (first, second) = (Of("/runs/a", rank: 0), Of("/runs/a", rank: 1));
        Assert.Equal(first["selfsup.run.folder"], second["selfsup.run.folder"]);
        Assert.Equal((0L, 1L), (first["selfsup.rank"], second["selfsup.rank"]));
        Assert.NotEqual(first["service.instance.id"], second["service.instance.id"]);
    }

    [Fact]
    public void VariablesComeFirstAndTheNameOfTheServiceBeforeItsAttribute()
    {
        var attributes = Of(
            "/runs/a", 0, ("OTEL_RESOURCE_ATTRIBUTES", "service.name=ours,selfsup.run.name=night%20shift,team=vision"), ("OTEL_SERVICE_NAME", "trainer"));
        Assert.Equal(("trainer", "night shift", "vision"), (attributes["service.name"], attributes["selfsup.run.name"], attributes["team"]));
        Assert.Equal("ours", Of("/runs/a", 0, ("OTEL_RESOURCE_ATTRIBUTES", "service.name=ours"))["service.name"]);
        Assert.Equal("selfsup", Of("/runs/a", 0)["service.name"]);
    }

    private static Dictionary<string, object> Of(string folder, int rank, params (string Name, string Value)[] variables)
    {
        var recipe = new RecipeReader().ReadText(
            """
            run: { name: tiny }
            data: { path: /data }
            views: [ { centerCrop: { size: 8 } } ]
            encoder: { backbone: resnet18 }
            method: { name: simclr }
            optimizer: { name: sgd }
            schedule: { name: constant, learningRate: 0.1 }
            """,
            "recipe");
        var builder = ResourceBuilder.CreateEmpty();
        OpenTelemetryExtensions.Resource(recipe, folder, rank, variables.ToDictionary(variable => variable.Name, variable => (string?)variable.Value))(builder);
        return builder.Build().Attributes.ToDictionary(attribute => attribute.Key, attribute => attribute.Value);
    }
}
