using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace SelfSup.IntegrationTests.Support;

/// <summary>A page in a headless Chromium: what it asks for, what it complains of, what is on it.</summary>
internal sealed class ChromiumPage(Chromium chromium, string session)
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(1);

    private readonly ConcurrentQueue<string> _requests = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private int _loads;

    /// <summary>What tells its messages from those of other pages.</summary>
    public string Session => session;

    /// <summary>The addresses it has asked for, in order.</summary>
    public IReadOnlyList<string> Requests => [.. _requests];

    /// <summary>What it wrote as errors to the console, what it threw, and what of it was refused.</summary>
    public IReadOnlyList<string> Errors => [.. _errors];

    /// <summary>Those that lead out of this machine.</summary>
    public IReadOnlyList<string> RequestsElsewhere => [.. _requests.Where(address =>
        new Uri(address) is { Scheme: not ("data" or "blob" or "about" or "file") } uri && !uri.IsLoopback)];

    /// <summary>Takes a message of the browser.</summary>
    public void Hear(string method, JsonElement parameters)
    {
        switch (method)
        {
            case "Network.requestWillBeSent":
                _requests.Enqueue(parameters.GetProperty("request").GetProperty("url").GetString()!);
                break;
            case "Runtime.exceptionThrown":
                _errors.Enqueue(parameters.GetProperty("exceptionDetails").ToString());
                break;
            case "Runtime.consoleAPICalled" when parameters.GetProperty("type").GetString() is "error" or "assert" or "warning":
                _errors.Enqueue(parameters.GetProperty("args").ToString());
                break;
            case "Log.entryAdded" when parameters.GetProperty("entry").GetProperty("level").GetString() == "error":
                _errors.Enqueue(parameters.GetProperty("entry").ToString());
                break;
            case "Page.loadEventFired":
                Interlocked.Increment(ref _loads);
                break;
            default:
                break;
        }
    }

    /// <summary>Prepares a tab before anything is in it.</summary>
    public async Task Prepare(int width, int height, bool isDark)
    {
        foreach (var domain in new[] { "Page", "Runtime", "Network", "Log" })
        {
            await Send($"{domain}.enable", new { });
        }

        await Resize(width, height);
        await Dark(isDark);
    }

    /// <summary>Changes the size of the window, in CSS pixels.</summary>
    public Task Resize(int width, int height) =>
        Send("Emulation.setDeviceMetricsOverride", new { width, height, deviceScaleFactor = 1, mobile = false });

    /// <summary>Lets the system be dark, or light.</summary>
    public Task Dark(bool isDark) => Send(
        "Emulation.setEmulatedMedia", new { features = new[] { new { name = "prefers-color-scheme", value = isDark ? "dark" : "light" } } });

    /// <summary>Goes to an address and waits until it is loaded.</summary>
    public async Task Go(string address)
    {
        var before = Volatile.Read(ref _loads);
        var answer = await Send("Page.navigate", new { url = address });
        Assert.False(answer.TryGetProperty("errorText", out var error), $"{address}: {error}");
        if (answer.TryGetProperty("loaderId", out _)) // else it is another place of the same page
        {
            await Until(() => Task.FromResult(Volatile.Read(ref _loads) > before), $"{address} was not loaded");
        }
    }

    /// <summary>Sends a header with every request, as one that lets in.</summary>
    public Task Header(string name, string value) => Send("Network.setExtraHTTPHeaders", new { headers = new Dictionary<string, string> { [name] = value } });

    /// <summary>The value of an expression; promises are waited for.</summary>
    public async Task<JsonElement> Evaluate(string expression)
    {
        var answer = await Send("Runtime.evaluate", new { expression, awaitPromise = true, returnByValue = true });
        Assert.False(answer.TryGetProperty("exceptionDetails", out var thrown), $"{expression}: {thrown}");
        return answer.GetProperty("result").TryGetProperty("value", out var value) ? value : default;
    }

    /// <summary>The value of an expression as text.</summary>
    public async Task<string> Text(string expression) => (await Evaluate($"String({expression})")).GetString()!;

    /// <summary>Waits until an expression is true.</summary>
    public Task WaitFor(string expression) => Until(
        async () => (await Evaluate($"Boolean({expression})")).GetBoolean(), $"{expression} did not become true; errors: {string.Join('\n', _errors)}");

    /// <summary>Presses a key, such as <c>Tab</c> or <c>Enter</c>.</summary>
    public async Task Press(string key, int times = 1)
    {
        var (code, text) = key switch
        {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            " " => (32, " "),
            "End" => (35, ""),
            "Home" => (36, ""),
            "ArrowLeft" => (37, ""),
            "ArrowRight" => (39, ""),
            _ => (0, key),
        };
        for (var i = 0; i < times; i++)
        {
            await Send("Input.dispatchKeyEvent", new { type = text == "" ? "rawKeyDown" : "keyDown", key, windowsVirtualKeyCode = code, text });
            await Send("Input.dispatchKeyEvent", new { type = "keyUp", key, windowsVirtualKeyCode = code });
        }
    }

    /// <summary>A picture of the window, or of the whole page, as PNG.</summary>
    public async Task<byte[]> Picture(bool whole = false)
    {
        // What is drawn is drawn when the next frames are.
        await Evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
        var picture = await Send("Page.captureScreenshot", new { format = "png", captureBeyondViewport = whole });
        return picture.GetProperty("data").GetBytesFromBase64();
    }

    /// <summary>What comes out of a printer, as PDF.</summary>
    public async Task<byte[]> Print() => (await Send("Page.printToPDF", new { })).GetProperty("data").GetBytesFromBase64();

    /// <summary>
    /// Texts whose contrast is less than WCAG AA asks: 4.5 to 1, 3 to 1 where they are large. Backgrounds are those of the elements
    /// around them, controls that are disabled do not count (WCAG 2.2, 1.4.3).
    /// </summary>
    public async Task<IReadOnlyList<string>> LowContrasts() => Strings(await Evaluate(
        """
        (() => {
          const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
          const parse = text => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
          const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
          const luminance = rgb => { const [r, g, b] = rgb.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const back = element => { const own = parse(getComputedStyle(element).backgroundColor); return own[3] === 1 ? own : over(own, element.parentElement ? back(element.parentElement) : [255, 255, 255, 1]); };
          const found = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const element = walker.currentNode.parentElement;
            if (!walker.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
            if (element.closest('script, style, :disabled, [aria-hidden="true"]')) continue;
            const style = getComputedStyle(element);
            const below = back(element);
            const [a, b] = [luminance(over(parse(style.color), below)), luminance(below)];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            const size = parseFloat(style.fontSize);
            const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
            if (ratio < least) found.push(`${element.tagName}.${element.className} "${walker.currentNode.data.trim().slice(0, 40)}": ${ratio.toFixed(2)}`);
          }
          return found;
        })()
        """));

    /// <summary>
    /// What is wrong with the page for whoever has only a keyboard: controls that Tab does not reach, and such that do not show that they have
    /// the focus.
    /// </summary>
    public async Task<IReadOnlyList<string>> KeyboardTroubles()
    {
        const string Name = "element => `${element.tagName}.${element.className} \"${(element.getAttribute('aria-label') || element.textContent).trim().slice(0, 40)}\"`";
        var count = (await Evaluate(
            $$"""
            (() => {
              window.__name = {{Name}};
              document.activeElement.blur();
              window.__wanted = new Set([...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]:not([tabindex="-1"])')]
                .filter(element => !element.disabled && element.tabIndex >= 0 && element.checkVisibility({ visibilityProperty: true })));
              return window.__wanted.size;
            })()
            """)).GetInt32();
        var troubles = new List<string>();
        for (var i = 0; i < count + 5; i++)
        {
            await Press("Tab");
            var trouble = await Text(
                """
                (() => {
                  const element = document.activeElement;
                  if (!element || element === document.body) return '';
                  window.__wanted.delete(element);
                  const style = getComputedStyle(element);
                  const place = element.getBoundingClientRect();
                  const isShown = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
                  const isInside = place.bottom > 0 && place.top < innerHeight && place.right > 0 && place.left < innerWidth;
                  return isShown && isInside ? '' : `${window.__name(element)} does not show its focus`;
                })()
                """);
            if (trouble.Length > 0)
            {
                troubles.Add(trouble);
            }
        }

        troubles.AddRange(Strings(await Evaluate("[...window.__wanted].map(element => `${window.__name(element)} is not reached`)")));
        return [.. troubles.Distinct()];
    }

    private static string[] Strings(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetString()!)];

    private Task<JsonElement> Send(string method, object parameters) => chromium.Send(method, parameters, session);

    private static async Task Until(Func<Task<bool>> reached, string otherwise)
    {
        var watch = Stopwatch.StartNew();
        while (!await reached())
        {
            if (watch.Elapsed > _limit)
            {
                Assert.Fail(otherwise);
            }

            await Task.Delay(20);
        }
    }
}
