using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

using SelfSup.Dashboard;
using SelfSup.Errors;
using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>What the dashboard refuses: paths, names, methods and visitors that are none of its own.</summary>
public sealed partial class DashboardSafetyTests : IAsyncLifetime, IDisposable
{
    private const string Secret = "what nobody may read";
    private const string Token = "a-token-of-27-characters---";

    private readonly string _folder = Directory.CreateTempSubdirectory("selfsup-dashboard-").FullName;
    private readonly HttpClient _client = new(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly List<Exception> _failed = [];
    private DashboardServer _server = null!;

    private string Runs => Path.Combine(_folder, "runs");

    public async ValueTask InitializeAsync()
    {
        new MadeUpRun(Path.Combine(Runs, "one")).Step(20);
        new MadeUpRun(Path.Combine(Runs, "group", "two")).Step(5);
        new MadeUpRun(Path.Combine(_folder, "outside")).Step(7);
        File.WriteAllText(Path.Combine(_folder, "outside", "train.log"), Secret);
        _server = await Start(new DashboardOptions(Runs));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Assert.Empty(_failed);
    }

    public void Dispose()
    {
        _client.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("/../outside/train.log")]
    [InlineData("/..%2foutside%2ftrain.log")]
    [InlineData("/%2e%2e/outside/train.log")]
    [InlineData("/%2e%2e%2foutside/train.log")]
    [InlineData("/..%252foutside%252ftrain.log")]
    [InlineData("/..\\outside\\train.log")]
    [InlineData("/one/train.log")]
    [InlineData("/runs/one/recipe.yaml")]
    [InlineData("//etc/passwd")]
    [InlineData("/api/run?id=../outside")]
    [InlineData("/api/run?id=..%2foutside")]
    [InlineData("/api/run?id=%2e%2e%2foutside")]
    [InlineData("/api/run?id=..%252foutside")]
    [InlineData("/api/run?id=..\\outside")]
    [InlineData("/api/run?id=one/../../outside")]
    [InlineData("/api/run?id=one%00")]
    [InlineData("/api/run?id=one/")]
    [InlineData("/api/run?id=./one")]
    [InlineData("/api/run?id=.")]
    [InlineData("/api/run?id=")]
    [InlineData("/api/run?id=/etc")]
    [InlineData("/api/run")]
    [InlineData("/api/run?id=one&id=../outside")]
    [InlineData("/api/series?id=../outside")]
    [InlineData("/api/series?id=..%2foutside&from=10-00")]
    [InlineData("/api/comparison?id=one&id=..%2foutside")]
    public async Task NoPathLeadsOutOfTheFolder(string target)
    {
        var (status, answer) = await Raw($"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.InRange(status, 400, 404);
        Assert.DoesNotContain(Secret, answer, StringComparison.Ordinal);
        Assert.DoesNotContain("loss", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoLinkLeadsOutOfTheFolder()
    {
        var outside = Path.Combine(_folder, "outside");
        Directory.CreateSymbolicLink(Path.Combine(Runs, "linked"), outside);
        File.CreateSymbolicLink(Path.Combine(new MadeUpRun(Path.Combine(Runs, "metrics-linked")).Folder, "metrics.jsonl"), Path.Combine(outside, "metrics.jsonl"));
        Directory.CreateSymbolicLink(Path.Combine(new MadeUpRun(Path.Combine(Runs, "checkpoints-linked")).Folder, "checkpoints"), outside);
        new MadeUpRun(Path.Combine(Runs, "linked-within")).Step(3);
        File.CreateSymbolicLink(Path.Combine(Runs, "linked-within", "last.log"), Path.Combine(Runs, "one", "history.jsonl"));
        await using var server = await Start(new DashboardOptions(Runs));
        var list = await Text(server, "/api/runs");
        Assert.DoesNotContain("\"linked\"", list, StringComparison.Ordinal);
        Assert.Equal(2, list.Split("\"state\":\"refused\"").Length - 1);
        Assert.Contains("metrics.jsonl is a link to outside of the runs folder", list, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await Get(server, "/api/series?id=metrics-linked")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Get(server, "/api/run?id=checkpoints-linked")).StatusCode);
        Assert.Contains("another-machine", await Text(server, "/api/run?id=linked-within"), StringComparison.Ordinal);

        // One that comes between two looks is seen at once.
        Assert.Equal(HttpStatusCode.OK, (await Get(server, "/api/run?id=one")).StatusCode);
        File.CreateSymbolicLink(Path.Combine(Runs, "one", "train.log"), Path.Combine(outside, "train.log"));
        Assert.Equal(HttpStatusCode.NotFound, (await Get(server, "/api/run?id=one")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Get(server, "/api/series?id=one")).StatusCode);
    }

    [Fact]
    public async Task AFolderThatBecomesALinkIsNotRead()
    {
        Assert.Equal(HttpStatusCode.OK, (await Get(_server, "/api/run?id=one")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Get(_server, "/api/run?id=group/two")).StatusCode);
        Directory.CreateDirectory(Path.Combine(_folder, "elsewhere"));
        Directory.Move(Path.Combine(_folder, "outside"), Path.Combine(_folder, "elsewhere", "two"));
        Directory.Move(Path.Combine(Runs, "one"), Path.Combine(_folder, "moved"));
        Directory.CreateSymbolicLink(Path.Combine(Runs, "one"), Path.Combine(_folder, "elsewhere", "two"));
        Directory.Move(Path.Combine(Runs, "group"), Path.Combine(_folder, "group"));
        Directory.CreateSymbolicLink(Path.Combine(Runs, "group"), Path.Combine(_folder, "elsewhere"));
        foreach (var id in new[] { "one", "group/two" })
        {
            Assert.Equal((id, HttpStatusCode.NotFound), (id, (await Get(_server, $"/api/run?id={id}")).StatusCode));
            Assert.Equal((id, HttpStatusCode.NotFound), (id, (await Get(_server, $"/api/series?id={id}")).StatusCode));
        }
    }

    /// <summary>A link that leads nowhere does not end the search for those that lead out.</summary>
    [Fact]
    public void ALinkToItselfIsRefused()
    {
        var run = Path.Combine(Runs, "one");
        File.CreateSymbolicLink(Path.Combine(run, "a.log"), Path.Combine(run, "a.log"));
        Assert.Contains("too many links", new RunFolders(Runs).WhyRefused(run), StringComparison.Ordinal);
    }

    /// <summary>Opening a pipe waits for whoever writes into it: for ever.</summary>
    [Fact]
    public async Task PipesAreNotWaitedFor()
    {
        foreach (var name in new[] { "recipe.yaml", "history.jsonl", "metrics.jsonl", "run.holder", "run.lock", "result.json", "train.log" })
        {
            var run = new MadeUpRun(Path.Combine(Runs, $"pipe {name}")).Step(3);
            File.WriteAllText(Path.Combine(run.Folder, "run.lock"), "");
            File.Delete(Path.Combine(run.Folder, name));
            Pipe(Path.Combine(run.Folder, name));
        }

        Pipe(Path.Combine(Directory.CreateDirectory(Path.Combine(new MadeUpRun(Path.Combine(Runs, "pipe manifest")).Folder, "checkpoints", "step-00000010")).FullName, "manifest.json"));
        await using var server = await Start(new DashboardOptions(Runs));
        var list = await Text(server, "/api/runs").WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(8, list.Split("\"id\":\"pipe ").Length - 1);
        Assert.Contains("\"id\":\"one\"", list, StringComparison.Ordinal);
        foreach (var target in new[] { "/api/run?id=pipe train.log", "/api/series?id=pipe metrics.jsonl" })
        {
            Assert.NotEmpty(await Text(server, target).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        }

        static void Pipe(string path)
        {
            using var made = System.Diagnostics.Process.Start("mkfifo", [path]);
            made.WaitForExit();
            Assert.Equal(0, made.ExitCode);
        }
    }

    /// <summary>Their numbers are such as no run writes.</summary>
    [Fact]
    public async Task ABadFolderDoesNotHideTheOthers()
    {
        var slow = new MadeUpRun(Path.Combine(Runs, "slow"));
        File.WriteAllText(slow.Metrics, "{\"step\":1,\"epoch\":0.01,\"loss\":1,\"stepSeconds\":1e300}\n{\"step\":2,\"epoch\":0.02,\"loss\":1,\"stepSeconds\":1e300}\n");
        var judged = Directory.CreateDirectory(Path.Combine(new MadeUpRun(Path.Combine(Runs, "judged")).Folder, "checkpoints", "step-00000010"));
        File.WriteAllText(Path.Combine(judged.FullName, "manifest.json"), """
            {"schema":1,"step":10,"epoch":0.1,"written":"2026-01-01T00:00:00Z","recipeHash":"","recipe":{},"trainingSeconds":1,"seconds":1,
            "evaluations":[null],"threads":1,"versions":{},"host":"h"}
            """);
        await using var server = await Start(new DashboardOptions(Runs));
        var list = await Text(server, "/api/runs");
        Assert.All(["one", "group/two", "slow", "judged"], id => Assert.Contains($"\"id\":\"{id}\"", list, StringComparison.Ordinal));
    }

    /// <summary>What somebody may not list could still be opened by the names that runs have.</summary>
    [Fact]
    public void AFolderThatMayNotBeListedIsNotRead()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root may act as another user");
        if (OperatingSystem.IsWindows())
        {
            return; // files have other rights there
        }

        File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        var run = Path.Combine(Runs, "one");
        File.CreateSymbolicLink(Path.Combine(run, "last.log"), Path.Combine(_folder, "outside", "train.log"));
        var folders = new RunFolders(Runs);
        Assert.Equal("last.log is a link to outside of the runs folder", folders.WhyRefused(run));
        File.SetUnixFileMode(run, UnixFileMode.UserExecute | UnixFileMode.OtherExecute);
        string? why = null;
        var thread = new Thread(() =>
        {
            _ = ActAs(65534); // of this thread alone
            why = folders.WhyRefused(run);
        });
        thread.Start();
        thread.Join();
        File.SetUnixFileMode(run, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.StartsWith("it cannot be looked into (", why, StringComparison.Ordinal);
    }

    [Fact]
    public void MoreThanIsLookedAtIsSaid()
    {
        Assert.False(new RunFolders(Runs).Find().IsCut);
        var (runs, isCut) = new RunFolders(Runs, mostRuns: 1).Find();
        Assert.Equal((1, true), (runs.Count, isCut));
        (runs, isCut) = new RunFolders(Runs, mostFolders: 1).Find();
        Assert.Equal(("one", true), (Assert.Single(runs.Keys), isCut));
    }

    [Fact]
    public async Task WhoComparesIsToldWhichMayNotBeRead()
    {
        File.CreateSymbolicLink(Path.Combine(Runs, "one", "train.log"), Path.Combine(_folder, "outside", "train.log"));
        var answer = await Text(_server, "/api/comparison?id=one&id=group/two");
        Assert.Contains("{\"id\":\"one\",\"state\":\"refused\",\"reason\":\"train.log is a link to outside of the runs folder\"}", answer, StringComparison.Ordinal);
        Assert.Contains("\"id\":\"group/two\",\"state\":\"running\"", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", 200)]
    [InlineData("localhost", 200)]
    [InlineData("localhost:9999", 200)] // through a port that is passed on
    [InlineData("LOCALHOST:80", 200)]
    [InlineData("[::1]:8265", 200)]
    [InlineData("dashboard.example", 403)]
    [InlineData("127.0.0.1.example.com", 403)]
    [InlineData("localhost.example.com:8265", 403)]
    [InlineData("192.168.1.7", 403)]
    [InlineData("another-machine", 403)]
    [InlineData("", 403)]
    [InlineData("evil\u00e9", 400)]
    [InlineData("a b", 400)]
    public async Task OnlyItsOwnNamesAreAnswered(string host, int expected)
    {
        var (status, answer) = await Raw($"GET /api/runs HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Assert.Equal(expected, status);
        Assert.Equal(expected == 200, answer.Contains("\"simclr\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhatIsNoRequestIsRefusedAndNothingElseSuffers()
    {
        string[] requests =
        [
            "GET /api/runs HTTP/1.1\r\nConnection: close\r\n\r\n", // no host
            "GET /api/runs HTTP/1.0\r\n\r\n",
            "GET /api/runs HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
            "GET http://evil.example/api/runs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
            "GET http://evil.example/api/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "GET /api/runs HTTP/9.9\r\nHost: localhost\r\n\r\n",
            "GET /api/runs\r\n\r\n",
            "GET  /api/runs HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /api/runs HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
            "GET /api/runs HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n",
            "GET /\u0000 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n", // as TLS begins
            $"GET /{new string('a', 9000)} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            $"GET / HTTP/1.1\r\nHost: localhost\r\nX: {new string('a', 20_000)}\r\n\r\n",
            $"GET / HTTP/1.1\r\nHost: localhost\r\n{string.Concat(Enumerable.Range(0, 100).Select(i => $"X{i}: 1\r\n"))}\r\n",
            "GET /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde",
            "GET /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
            "GET /api/runs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
            "GET /api/series?id=one&from=abc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "GET /api/series?id=one&from=-7-00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        ];
        foreach (var request in requests)
        {
            var (status, answer) = await Raw(request);
            Assert.True(status is (>= 400 and < 500) or 505, $"{request}: {answer}");
            Assert.DoesNotContain("simclr", answer, StringComparison.Ordinal);
        }

        Assert.Equal(HttpStatusCode.OK, (await Get(_server, "/api/runs")).StatusCode);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("PATCH")]
    [InlineData("OPTIONS")]
    [InlineData("TRACE")]
    [InlineData("CONNECT")]
    [InlineData("ANYTHING")]
    public async Task ItOnlyShows(string method)
    {
        foreach (var path in new[] { "/", "/api/runs", "/nothing" })
        {
            var (status, answer) = await Raw($"{method} {(method == "CONNECT" ? "localhost:80" : path)} HTTP/1.1\r\nHost: {(method == "CONNECT" ? "localhost:80" : "localhost")}\r\nConnection: close\r\n\r\n");
            Assert.Equal(405, status);
            Assert.Contains("Allow: GET, HEAD", answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task HeadHasNoContent()
    {
        foreach (var path in new[] { "/", "/api/runs", "/api/series?id=one" })
        {
            using var answer = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Head, new Uri(_server.Address, path)), TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Empty(await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task EveryAnswerKeepsThePageToItself()
    {
        foreach (var (path, status) in new[] { ("/", 200), ("/charts.js", 200), ("/api/runs", 200), ("/nothing", 404), ("/api/run?id=nothing", 404) })
        {
            using var answer = await Get(_server, path);
            Assert.Equal(status, (int)answer.StatusCode);
            var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
            Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self'; ", policy, StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.Equal(["nosniff"], answer.Headers.GetValues("X-Content-Type-Options"));
            Assert.Equal(["no-referrer"], answer.Headers.GetValues("Referrer-Policy"));
            Assert.Equal(["same-origin"], answer.Headers.GetValues("Cross-Origin-Resource-Policy"));
            Assert.False(answer.Headers.Contains("Server"));
            Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
        }

        using var elsewhere = new HttpRequestMessage(HttpMethod.Get, new Uri(_server.Address, "/api/runs"));
        elsewhere.Headers.Add("Sec-Fetch-Site", "cross-site");
        using var refused = await _client.SendAsync(elsewhere, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    [Fact]
    public async Task WhereThereIsATokenItIsNeeded()
    {
        await using var server = await Start(new DashboardOptions(Runs) { Token = Token });
        foreach (var path in new[] { "/", "/api/runs", "/charts.js", "/nothing", $"/api/runs?token={Token}", "/?token=", $"/?token={Token}x", $"/?token={Token[..^1]}", $"/?token={Token}&token={Token}" })
        {
            using var answer = await Get(server, path);
            Assert.Equal((path, HttpStatusCode.Unauthorized), (path, answer.StatusCode));
            Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.ToString());
            Assert.False(answer.Headers.Contains("Set-Cookie"));
        }

        Assert.Equal(HttpStatusCode.OK, await WithHeader("Authorization", $"Bearer {Token}"));
        Assert.Equal(HttpStatusCode.Unauthorized, await WithHeader("Authorization", $"Bearer {Token[1..]}"));
        Assert.Equal(HttpStatusCode.Unauthorized, await WithHeader("Authorization", "Bearer "));
        Assert.Equal(HttpStatusCode.Unauthorized, await WithHeader("Authorization", $"Basic {Token}"));
        Assert.Equal(HttpStatusCode.Unauthorized, await WithHeader("Cookie", $"selfsup-{server.Address.Port}={Token}"));

        using var entered = await Get(server, $"/?token={Token}");
        Assert.Equal(HttpStatusCode.OK, entered.StatusCode);
        var page = await entered.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("<meta http-equiv=\"refresh\" content=\"0; url=/\">", page, StringComparison.Ordinal);
        Assert.DoesNotContain(Token, page, StringComparison.Ordinal);
        var cookie = Assert.Single(entered.Headers.GetValues("Set-Cookie"));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Token, cookie, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await WithHeader("Cookie", cookie.Split(';')[0]));

        async Task<HttpStatusCode> WithHeader(string name, string value)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Address, "/api/runs"));
            request.Headers.TryAddWithoutValidation(name, value);
            using var answer = await _client.SendAsync(request, TestContext.Current.CancellationToken);
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task OthersVisitOnlyWithAToken()
    {
        var open = new DashboardOptions(Runs) { Address = IPAddress.Any, Port = 0 };
        var refused = await Assert.ThrowsAsync<RecipeException>(() => DashboardServer.Start(open, TimeProvider.System, cancellationToken: TestContext.Current.CancellationToken));
        Assert.StartsWith("--host 0.0.0.0: others can visit it, who must know a token", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<RecipeException>(() => DashboardServer.Start(open with { Token = "short" }, TimeProvider.System, cancellationToken: TestContext.Current.CancellationToken));
        Assert.StartsWith("--token: has 5 characters, must have at least 16", refused.Message, StringComparison.Ordinal);

        await using var server = await Start(open with { Token = Token, Names = ["proxy.example"] });
        foreach (var (host, expected) in new[] { ("proxy.example", 200), (Environment.MachineName, 200), ("192.168.1.7:8265", 200), ("evil.example", 403) })
        {
            var (status, _) = await Raw($"GET /api/runs HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {Token}\r\nConnection: close\r\n\r\n", server);
            Assert.Equal((host, expected), (host, status));
        }
    }

    [Fact]
    public async Task WhatCannotBeListenedAtIsSaid()
    {
        var refused = await Assert.ThrowsAsync<RecipeException>(
            () => DashboardServer.Start(new DashboardOptions(Runs) { Port = _server.Address.Port }, TimeProvider.System, cancellationToken: TestContext.Current.CancellationToken));
        Assert.StartsWith($"--port {_server.Address.Port}: cannot be listened at on 127.0.0.1 (", refused.Message, StringComparison.Ordinal);
        var elsewhere = new DashboardOptions(Runs) { Address = IPAddress.Parse("203.0.113.1"), Port = 0, Token = Token };
        refused = await Assert.ThrowsAsync<RecipeException>(
            () => DashboardServer.Start(elsewhere, TimeProvider.System, cancellationToken: TestContext.Current.CancellationToken));
        Assert.StartsWith("--host 203.0.113.1: is no address of this machine (", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<RecipeException>(
            () => DashboardServer.Start(new DashboardOptions(Path.Combine(_folder, "none")), TimeProvider.System, cancellationToken: TestContext.Current.CancellationToken));
        Assert.EndsWith("there is no such folder; name the folder of your runs", refused.Message, StringComparison.Ordinal);
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int ActAs(uint user);

    private async Task<DashboardServer> Start(DashboardOptions options) =>
        await DashboardServer.Start(options with { Port = 0 }, TimeProvider.System, _failed.Add, TestContext.Current.CancellationToken);

    private async Task<HttpResponseMessage> Get(DashboardServer server, string path) =>
        await _client.GetAsync(new Uri(Local(server), path), TestContext.Current.CancellationToken);

    private async Task<string> Text(DashboardServer server, string path)
    {
        using var answer = await Get(server, path);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    private static Uri Local(DashboardServer server) => new UriBuilder(server.Address) { Host = "127.0.0.1" }.Uri;

    /// <summary>Sends bytes as they are, since clients mend paths and headers.</summary>
    private async Task<(int Status, string Answer)> Raw(string request, DashboardServer? server = null)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, (server ?? _server).Address.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        string answer;
        try
        {
            answer = await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(30));
        }
        catch (IOException)
        {
            answer = "HTTP/1.1 400 closed"; // it hung up on the rest of what was sent
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"no end of the answer to {request}");
        }

        return (answer.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) ? int.Parse(answer.AsSpan(9, 3)) : 0, answer);
    }
}
