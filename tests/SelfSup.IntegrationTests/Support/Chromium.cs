using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SelfSup.IntegrationTests.Support;

/// <summary>
/// A headless Chromium (Debian: <c>chromium</c>), driven over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/).
/// It can reach nothing but loopback.
/// </summary>
internal sealed class Chromium : IAsyncDisposable
{
    private static readonly string[] _names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(1);
    private static readonly Lazy<string?> _program = new(() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => _names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists));

    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonElement>> _waiting = new();
    private readonly ConcurrentDictionary<string, Action<string, JsonElement>> _listeners = new();
    private readonly SemaphoreSlim _sending = new(1);
    private Task _reading = Task.CompletedTask;
    private int _last;

    private Chromium(Process process, string profile) => (_process, _profile) = (process, profile);

    /// <summary>Skips the test where there is none.</summary>
    public static void Require() => Assert.SkipWhen(_program.Value is null, "there is no Chromium here (Debian: apt-get install chromium)");

    /// <summary>Starts one.</summary>
    public static async Task<Chromium> Start()
    {
        var profile = Directory.CreateTempSubdirectory("selfsup-chromium-").FullName;
        var start = new ProcessStartInfo(
            _program.Value!,
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
                $"--user-data-dir={profile}", "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
                "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-sync", "--metrics-recording-only",
                "--hide-scrollbars", "--force-color-profile=srgb", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", "about:blank",
            ])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        var chromium = new Chromium(Process.Start(start)!, profile);
        try
        {
            await chromium.Connect();
            return chromium;
        }
        catch
        {
            await chromium.DisposeAsync();
            throw;
        }
    }

    /// <summary>Opens a page in a tab of its own.</summary>
    public async Task<ChromiumPage> Open(string address, int width = 1280, int height = 900, bool isDark = false)
    {
        var target = await Send("Target.createTarget", new { url = "about:blank" });
        var session = await Send("Target.attachToTarget", new { targetId = target.GetProperty("targetId").GetString(), flatten = true });
        var page = new ChromiumPage(this, session.GetProperty("sessionId").GetString()!);
        _listeners[page.Session] = page.Hear;
        await page.Prepare(width, height, isDark);
        await page.Go(address);
        return page;
    }

    /// <summary>Sends a command and waits for its answer.</summary>
    public async Task<JsonElement> Send(string method, object parameters, string? session = null)
    {
        var id = Interlocked.Increment(ref _last);
        var answer = _waiting[id] = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        var message = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = JsonSerializer.SerializeToNode(parameters) };
        if (session is not null)
        {
            message["sessionId"] = session;
        }

        await _sending.WaitAsync();
        try
        {
            await _socket.SendAsync(Encoding.UTF8.GetBytes(message.ToJsonString()), WebSocketMessageType.Text, true, CancellationToken.None);
        }
        finally
        {
            _sending.Release();
        }

        return await answer.Task.WaitAsync(_limit);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }

        await _process.WaitForExitAsync();
        await _reading;
        _socket.Dispose();
        _sending.Dispose();
        _process.Dispose();
        for (var tries = 0; Directory.Exists(_profile) && tries < 50; tries++)
        {
            try
            {
                Directory.Delete(_profile, recursive: true);
            }
            catch (IOException)
            {
                await Task.Delay(20); // the last of its processes still writes
            }
        }
    }

    private async Task Connect()
    {
        var watch = Stopwatch.StartNew();
        while (await _process.StandardError.ReadLineAsync().WaitAsync(_limit) is { } line)
        {
            if (line.Split("DevTools listening on ") is [_, var address])
            {
                await _socket.ConnectAsync(new Uri(address), CancellationToken.None);
                // What it says further is let go, so that it never waits for a reader.
                _ = _process.StandardError.BaseStream.CopyToAsync(Stream.Null);
                _ = _process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
                _reading = Task.Run(Read);
                return;
            }
        }

        Assert.Fail($"Chromium did not start in {watch.Elapsed}");
    }

    private async Task Read()
    {
        var buffer = new byte[1 << 16];
        try
        {
            while (true)
            {
                using var message = new MemoryStream();
                WebSocketReceiveResult part;
                do
                {
                    part = await _socket.ReceiveAsync(buffer, CancellationToken.None);
                    message.Write(buffer, 0, part.Count);
                }
                while (!part.EndOfMessage);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    break;
                }

                Take(JsonSerializer.Deserialize<JsonElement>(message.ToArray()));
            }
        }
        catch (Exception e) when (e is WebSocketException or IOException or ObjectDisposedException)
        {
            // It has ended.
        }

        foreach (var waiting in _waiting.Values)
        {
            waiting.TrySetException(new IOException("Chromium has ended"));
        }
    }

    private void Take(JsonElement message)
    {
        if (message.TryGetProperty("id", out var id))
        {
            if (_waiting.TryRemove(id.GetInt32(), out var answer))
            {
                if (message.TryGetProperty("error", out var error))
                {
                    answer.SetException(new InvalidOperationException(error.ToString()));
                }
                else
                {
                    answer.SetResult(message.GetProperty("result"));
                }
            }
        }
        else if (message.TryGetProperty("sessionId", out var session) && _listeners.TryGetValue(session.GetString()!, out var listener))
        {
            listener(message.GetProperty("method").GetString()!, message.GetProperty("params"));
        }
    }
}
