/* The dashboard's page: the list of runs, a run, several runs beside each other. It asks again and again and is told what is new; what
   comes from a run's folder is put into the page as text, never as markup. */
(() => {
  'use strict';

  const { Curves, node, number, theme } = SelfSup;
  const main = document.getElementById('main');
  const place = document.getElementById('place');
  const news = document.getElementById('news');
  const most = 8; // runs beside each other
  const points = 4000; // of a curve of one run
  const rounds = { list: 3000, run: 2000, comparison: 4000 };

  /* Asking */

  async function ask(path, parameters) {
    const query = new URLSearchParams(parameters).toString();
    const got = await fetch(query ? `${path}?${query}` : path, { headers: { Accept: 'application/json' } })
      .then(async answer => ({ status: answer.status, json: answer.ok ? await answer.json() : null }))
      .catch(error => { throw Object.assign(error, { isSilence: true }); });
    if (got.json === null) throw Object.assign(new Error(String(got.status)), { status: got.status });
    return got.json;
  }

  let view = { stop() { } };

  /**
   * Does something now and then again after each pause, while the view is shown and somebody looks; never twice at a time. The work is
   * told how to ask whether the view has gone meanwhile.
   */
  function repeat(work, pause) {
    let isOver = false;
    let isAtWork = false;
    let timer;
    const round = async () => {
      if (isAtWork) return;
      clearTimeout(timer);
      isAtWork = true;
      try {
        if (!document.hidden) {
          await work(() => isOver);
          if (!isOver) say('');
        }
      } catch (error) {
        if (!isOver) fail(error);
      }
      isAtWork = false;
      if (!isOver) timer = setTimeout(round, pause);
    };
    const shown = () => { if (!document.hidden) round(); };
    document.addEventListener('visibilitychange', shown);
    round();
    return () => { isOver = true; clearTimeout(timer); document.removeEventListener('visibilitychange', shown); };
  }

  function say(text) { if (news.textContent !== text) news.textContent = text; }

  function fail(error) {
    if (!error.status && !error.isSilence) console.error(error);
    say(error.status === 401 ? 'The token is no longer good; open the dashboard with its token again.'
      : error.status === 404 ? 'This run is not there.'
      : error.isSilence ? 'The dashboard does not answer; trying again …'
      : error.status ? `The dashboard failed (${error.status}); trying again …`
      : 'This page failed; the browser’s console says how. Trying again …');
  }

  /* Words */

  const reasons = {
    collapsed: 'collapsed', spiked: 'loss jumped', skipped: 'steps left out', stalled: 'stalled', dataStarved: 'data-starved',
    checkpoint: 'checkpoint', restarted: 'restarted',
  };
  const severe = ['collapsed', 'stalled'];
  const events = {
    started: 'started', resumed: 'resumed', changed: 'setting changed', warmStarted: 'began with weights', checkpointDamaged: 'checkpoint damaged',
    checkpointDelayed: 'checkpoint delayed', checkpointAsked: 'checkpoint asked for', stepSkipped: 'step left out', lossSpiked: 'loss jumped',
    hung: 'no step for long', stopped: 'stopped', failed: 'failed', finished: 'finished', died: 'died', restarted: 'started again', givenUp: 'given up',
  };

  const isNone = value => value === null || value === undefined; // of a run that is refused nothing is told

  function duration(seconds) {
    if (isNone(seconds)) return '–';
    const whole = Math.round(seconds);
    const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
    return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
  }

  const ago = seconds => isNone(seconds) ? '–' : seconds < 5 ? 'now'
    : seconds < 60 ? `${Math.floor(seconds)} s ago` : seconds < 3600 ? `${Math.floor(seconds / 60)} min ago`
    : seconds < 172800 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86400)} d ago`;
  const bytes = size => size >= 2 ** 30 ? `${(size / 2 ** 30).toFixed(1)} GB` : size >= 2 ** 20 ? `${(size / 2 ** 20).toFixed(1)} MB` : `${(size / 1024).toFixed(1)} KB`;
  const time = at => new Date(at).toLocaleString('sv-SE');
  const rate = value => isNone(value) ? '–' : value >= 100 ? number(value, 'integer') : value.toFixed(1);
  const part = run => run.totalSteps ? Math.min(1, run.step / run.totalSteps) : 0;
  const link = run => `#/run/${encodeURIComponent(run.id)}`;
  const state = run => node('span', { class: `state ${run.state}`, title: run.reason ?? '' }, run.state);

  function put(element, ...children) {
    const made = children.flat().filter(child => !isNone(child));
    const isSame = made.length === 1 && typeof made[0] === 'string' && element.childNodes.length === 1
      && element.firstChild.nodeType === Node.TEXT_NODE && element.textContent === made[0];
    if (!isSame) element.replaceChildren(...made);
  }

  /* The list */

  const columns = [
    { name: 'Run', sort: run => run.id.toLowerCase(), show: run => node('a', { href: link(run) }, run.id), isHead: true },
    { name: 'State', sort: run => run.state, show: state },
    { name: 'Method', sort: run => run.method ?? '', show: run => run.method ?? '' },
    { name: 'Step', sort: part, show: steps, isNumber: true },
    { name: 'Epoch', sort: run => run.epoch, show: run => isNone(run.epoch) ? '–' : `${run.epoch.toFixed(1)}${run.epochs ? ` / ${number(run.epochs)}` : ''}`, isNumber: true },
    { name: 'Loss', sort: run => run.loss, show: run => isNone(run.loss) ? '–' : run.loss.toFixed(4), isNumber: true },
    { name: 'Judged', sort: run => run.judged, show: run => isNone(run.judged) ? '–' : `${run.measure} ${number(run.judged, 'percent')}`, isNumber: true },
    { name: 'Images/s', sort: run => run.imagesPerSecond, show: run => rate(run.imagesPerSecond), isNumber: true },
    { name: 'Left', sort: run => run.remainingSeconds, show: run => duration(run.remainingSeconds), isNumber: true },
    // Those that run all were updated just now: by the second they would change places at every look.
    { name: 'Updated', sort: run => run.state === 'running' ? 1 : -run.silentSeconds, show: run => ago(run.silentSeconds), isNumber: true },
    { name: 'To look at', sort: run => run.warnings?.length ?? 0, show: marks },
  ];

  function steps(run) {
    if (!run.totalSteps) return isNone(run.step) ? '–' : number(run.step, 'integer');
    const bar = node('span', {});
    bar.style.width = `${(100 * part(run)).toFixed(1)}%`;
    return [`${number(run.step, 'integer')} / ${number(run.totalSteps, 'integer')}`, node('div', { class: 'progress', 'aria-hidden': 'true' }, bar)];
  }

  function marks(run) {
    if (run.state === 'refused') return run.reason ?? '';
    return [...(run.warnings ?? []).map(warning => node('span', { class: `mark ${severe.includes(warning.kind) ? 'bad' : ''}`, title: warning.message }, reasons[warning.kind] ?? warning.kind)),
      ...(run.state === 'failed' && run.reason ? [node('span', { class: 'reason', title: run.reason }, run.reason)] : [])];
  }

  function list() {
    place.textContent = '';
    document.title = 'Runs – SelfSup';
    let runs = [];
    let order = { column: 9, isUp: false };
    const chosen = new Set();
    const rows = new Map();
    const body = node('tbody', {});
    const count = node('span', { class: 'muted' });
    const compare = node('button', { type: 'button', class: 'primary', disabled: true }, 'Compare');
    const filter = node('input', { type: 'search', placeholder: 'Filter by name, state or method', 'aria-label': 'Filter runs', size: '30' });
    const heads = columns.map((column, i) => {
      const button = node('button', { type: 'button' }, column.name);
      button.addEventListener('click', () => {
        order = { column: i, isUp: order.column === i ? !order.isUp : Boolean(!column.isNumber) };
        show();
      });
      return node('th', { scope: 'col', class: column.isNumber ? 'number' : '' }, button);
    });
    compare.addEventListener('click', () => { location.hash = `#/compare/${[...chosen].map(encodeURIComponent).join('/')}`; });
    filter.addEventListener('input', show);
    const table = node('div', { class: 'card scroll', tabindex: '0', role: 'region', 'aria-label': 'Runs' },
      node('table', { class: 'runs' }, node('thead', {}, node('tr', {}, node('td', {}, node('span', { class: 'only-read' }, 'Compare')), ...heads)), body));
    const empty = node('p', { class: 'muted', hidden: true }, 'There is no run here yet. It shows when one begins.');
    const cut = node('p', { class: 'muted', hidden: true }, 'There are more runs or folders than are looked at: name a folder further down to see the rest.');
    main.replaceChildren(node('div', { class: 'head' }, node('h1', {}, 'Runs'), count),
      node('div', { class: 'row' }, filter, compare), table, empty, cut);

    function choose(run, box) {
      if (box.checked) chosen.add(run.id); else chosen.delete(run.id);
      choices();
    }

    function choices() {
      compare.disabled = chosen.size < 2;
      compare.textContent = chosen.size < 2 ? 'Compare' : `Compare ${chosen.size} runs`;
      for (const { box, run } of rows.values()) box.disabled = !run.method && run.state === 'refused' || chosen.size >= most && !chosen.has(run.id);
    }

    function row(run) {
      const box = node('input', { type: 'checkbox', 'aria-label': `Compare ${run.id}` });
      const cells = columns.map(column => node(column.isHead ? 'th' : 'td', { class: column.isNumber ? 'number' : '', ...(column.isHead ? { scope: 'row' } : {}) }));
      const made = { box, cells, run, shown: [], line: node('tr', {}, node('td', {}, box), ...cells) };
      box.addEventListener('change', () => choose(made.run, box));
      return made;
    }

    function show() {
      const text = filter.value.trim().toLowerCase();
      const key = columns[order.column].sort;
      const shown = runs.filter(run => `${run.id} ${run.state} ${run.method ?? ''}`.toLowerCase().includes(text)).sort((one, other) => {
        const [a, b] = [key(one), key(other)];
        const [isNoA, isNoB] = [isNone(a) || Number.isNaN(a), isNone(b) || Number.isNaN(b)];
        return isNoA || isNoB ? isNoA - isNoB : (a < b ? -1 : a > b ? 1 : one.id < other.id ? -1 : 1) * (order.isUp ? 1 : -1);
      });
      heads.forEach((head, i) => {
        if (i === order.column) head.setAttribute('aria-sort', order.isUp ? 'ascending' : 'descending'); else head.removeAttribute('aria-sort');
      });
      const lines = shown.map(run => {
        if (!rows.has(run.id)) rows.set(run.id, row(run));
        const made = rows.get(run.id);
        made.run = run;
        columns.forEach((column, i) => {
          const told = JSON.stringify([column.sort(run), run.state, run.step, run.warnings, run.reason, i === 9 ? ago(run.silentSeconds) : 0]);
          if (made.shown[i] !== told) {
            made.shown[i] = told;
            if (!(column.isHead && made.cells[i].firstChild)) put(made.cells[i], column.show(run));
          }
        });
        return made.line;
      });
      if (lines.length !== body.children.length || lines.some((line, i) => body.children[i] !== line)) {
        const focused = document.activeElement;
        body.replaceChildren(...lines);
        if (focused && body.contains(focused)) focused.focus();
      }
      const running = runs.filter(run => run.state === 'running').length;
      put(count, `${number(runs.length, 'integer')} ${runs.length === 1 ? 'run' : 'runs'}${running ? `, ${running} running` : ''}${text ? `, ${shown.length} shown` : ''}`);
      table.hidden = runs.length === 0;
      empty.hidden = runs.length > 0;
      choices();
    }

    return {
      stop: repeat(async isOver => {
        const answer = await ask('/api/runs');
        if (isOver()) return;
        runs = answer.runs;
        cut.hidden = !answer.isCut;
        const ids = new Set(runs.map(run => run.id));
        for (const id of chosen) if (!ids.has(id)) chosen.delete(id);
        for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
        show();
      }, rounds.list),
    };
  }

  /* Curves that grow */

  class Growing {
    constructor(id, most) { Object.assign(this, { id, most, next: null, series: Object.create(null) }); }

    /** Takes what has come since the last time; whether there was anything. */
    async grow() {
      const from = this.next;
      const isLong = Object.values(this.series).some(line => line.x.length > 2 * this.most);
      const answer = await ask('/api/series', { id: this.id, points: this.most, ...(from && !isLong ? { from } : {}) });
      if (this.next !== from || (answer.next === from && !isLong)) return false;
      if (answer.whole) this.series = Object.create(null); // a series may have any name, __proto__ too
      for (const [name, line] of Object.entries(answer.series)) {
        const own = this.series[name] ?? { x: [], y: [] };
        this.series[name] = { x: own.x.concat(line.x), y: own.y.concat(line.y) };
      }
      this.next = answer.next;
      return true;
    }
  }

  /* A run */

  function fact(name, value, small) {
    return node('div', {}, node('dt', {}, name), node('dd', {}, value, small ? node('small', {}, ` ${small}`) : null));
  }

  function facts(run, details) {
    return [
      fact('State', state(run)),
      fact('Step', number(run.step, 'integer'), run.totalSteps ? `of ${number(run.totalSteps, 'integer')}` : ''),
      fact('Epoch', isNone(run.epoch) ? '–' : run.epoch.toFixed(2), run.epochs ? `of ${number(run.epochs)}` : ''),
      fact('Loss', isNone(run.loss) ? '–' : run.loss.toFixed(4)),
      fact(run.measure ?? 'Judged', number(run.judged, 'percent'), isNone(run.judgedStep) ? '' : `at step ${number(run.judgedStep, 'integer')}`),
      fact('Images/s', rate(run.imagesPerSecond), run.waitShare > 0.01 ? `${Math.round(100 * run.waitShare)} % waiting` : ''),
      run.state === 'running' ? fact('Left', duration(run.remainingSeconds)) : fact('Size', bytes(details.bytes)),
      fact('Updated', ago(run.silentSeconds)),
    ];
  }

  function happened(history) {
    return history.map(event => node('tr', {},
      node('td', { class: 'mono' }, time(event.at)),
      node('td', { class: 'number' }, event.step === null ? '' : number(event.step, 'integer')),
      node('td', {}, events[event.event] ?? event.event),
      node('td', {}, [event.message, event.where, event.rank === null ? null : `rank ${event.rank}`, event.ranks === null ? null : `${event.ranks} ranks`,
        event.exact === null ? null : event.exact ? 'bit for bit' : 'equal up to rounding', event.exitCode === null ? null : `exit code ${event.exitCode}`]
        .filter(text => !isNone(text)).join('; '))));
  }

  const table = (heads, body, label) => node('div', { class: 'card scroll', tabindex: '0', role: 'region', 'aria-label': label }, node('table', {},
    node('thead', {}, node('tr', {}, ...heads.map(head => node('th', { scope: 'col', class: head === 'step' ? 'number' : '' }, head)))), body));
  const pairs = list => list.map(([key, value]) => node('tr', {}, node('th', { scope: 'row', class: 'mono' }, key), node('td', { class: 'mono' }, value)));
  const section = (title, ...content) => node('section', {}, node('h2', {}, title), ...content);

  /** Whether a part of what was told is another one than before: what somebody has marked in the others stays marked. */
  function newness() {
    const told = new Map();
    return (part, value) => {
      const text = JSON.stringify(value);
      const isNew = told.get(part) !== text;
      told.set(part, text);
      return isNew;
    };
  }

  function one(id) {
    place.textContent = id;
    document.title = `${id} – SelfSup`;
    const growing = new Growing(id, points);
    const heading = node('span', { class: 'muted' });
    const numbers = node('dl', { class: 'facts' });
    const warnings = node('ul', { class: 'notes', hidden: true });
    const curvesHost = node('div', {});
    const curves = new Curves(curvesHost);
    const history = node('tbody', {});
    const settings = node('tbody', {});
    const result = node('tbody', {});
    const log = node('pre', { class: 'log card', tabindex: '0' });
    const resultSection = section('Result', table(['', ''], result, 'Result'));
    const logSection = section('Log', log);
    const folder = node('p', { class: 'muted small mono' });
    const isNews = newness();
    main.replaceChildren(node('div', { class: 'head' }, node('h1', {}, id), heading), warnings, numbers, curvesHost,
      section('What happened', table(['when', 'step', 'what', ''], history, 'What happened')), logSection, resultSection,
      section('Settings', table(['setting', 'value'], settings, 'Settings')), folder);
    let isShown = false;
    return {
      stop: repeat(async isOver => {
        const [details, isGrown] = await Promise.all([ask('/api/run', { id }), growing.grow()]);
        if (isOver()) return;
        const { run } = details;
        put(heading, run.method ?? '');
        put(numbers, facts(run, details));
        const notes = [...(run.reason && run.state !== 'running' && run.state !== 'finished' ? [{ kind: run.state, message: run.reason }] : []), ...run.warnings];
        warnings.hidden = notes.length === 0;
        put(warnings, notes.map(note => node('li', { class: ['collapsed', 'stalled', 'failed'].includes(note.kind) ? 'bad' : '' },
          node('strong', {}, `${reasons[note.kind] ?? note.kind}: `), note.message, isNone(note.step) ? null : ` (step ${number(note.step, 'integer')})`)));
        if (isNews('history', details.history)) put(history, happened(details.history));
        if (isNews('settings', details.settings)) put(settings, pairs(details.settings));
        if (isNews('result', details.result)) put(result, pairs(details.result));
        resultSection.hidden = details.result.length === 0;
        logSection.hidden = !details.log;
        const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
        put(log, details.log?.text ?? '');
        if (isAtEnd) log.scrollTop = log.scrollHeight;
        put(folder, details.folder);
        if (isGrown || !isShown) curves.set([{ name: id, series: growing.series }]);
        isShown = true;
      }, rounds.run),
    };
  }

  /* Several runs */

  function several(ids) {
    place.textContent = `${ids.length} runs`;
    document.title = `${ids.length} runs – SelfSup`;
    const growing = ids.map(id => new Growing(id, Math.floor(points / 2)));
    const host = node('div', {});
    const curves = new Curves(host);
    const rows = node('tbody', {});
    const differences = node('div', {});
    main.replaceChildren(node('div', { class: 'head apart' }, node('h1', {}, 'Comparison')),
      table(['run', 'state', 'method', 'step', 'loss', 'judged', 'images/s'], rows, 'Runs'),
      section('Settings in which they differ', differences), host);
    const isNews = newness();
    let isShown = false;
    return {
      stop: repeat(async isOver => {
        const query = ids.map(id => ['id', id]);
        const [comparison, ...grown] = await Promise.all([ask('/api/comparison', query), ...growing.map(one => one.grow().catch(missing))]);
        if (isOver()) return;
        if (isNews('runs', comparison.runs.map(run => ({ ...run, silentSeconds: 0 })))) {
          put(rows, comparison.runs.map(run => node('tr', {}, node('th', { scope: 'row' }, node('a', { href: link(run) }, run.id)),
            node('td', {}, state(run)), node('td', {}, run.method ?? run.reason ?? ''), node('td', { class: 'number' }, number(run.step, 'integer')),
            node('td', {}, isNone(run.loss) ? '–' : run.loss.toFixed(4)), node('td', {}, isNone(run.judged) ? '–' : `${run.measure} ${number(run.judged, 'percent')}`),
            node('td', {}, rate(run.imagesPerSecond)))));
        }
        const read = comparison.runs.filter(run => run.state !== 'refused').map(run => run.id);
        if (isNews('differences', [read, comparison.differences])) put(differences, differing(read, comparison.differences));
        if (grown.some(Boolean) || !isShown) curves.set(growing.map(one => ({ name: one.id, series: one.series })));
        isShown = true;
      }, rounds.comparison),
    };
  }

  /** Of a run that is refused the others' comparison says why. */
  function missing(error) {
    if (error.status === 404) return false;
    throw error;
  }

  function differing(ids, differences) {
    if (differences.length === 0) return node('p', { class: 'muted' }, ids.length < 2 ? 'There is nothing to compare.' : 'They have the same settings.');
    return table(['setting', ...ids], node('tbody', {}, ...differences.map(({ key, values }) => node('tr', {}, node('th', { scope: 'row', class: 'mono' }, key),
      ...values.map(value => node('td', { class: value === 'not set' ? 'muted small' : 'mono' }, value))))), 'Settings in which they differ');
  }

  /* Where we are */

  function go() {
    const [kind, ...ids] = location.hash.replace(/^#\/?/, '').split('/').map(text => { try { return decodeURIComponent(text); } catch { return text; } });
    view.stop();
    [...SelfSup.charts].forEach(chart => chart.destroy());
    say('');
    view = kind === 'run' && ids.length === 1 ? one(ids[0])
      : kind === 'compare' && ids.length > 1 ? several(ids.slice(0, most))
      : list();
    scrollTo(0, 0);
  }

  // The place in the address is the view's.
  document.querySelector('.skip').addEventListener('click', event => { event.preventDefault(); main.focus(); });
  theme(document.getElementById('theme'));
  addEventListener('hashchange', () => { go(); main.focus({ preventScroll: true }); });
  go();
})();
