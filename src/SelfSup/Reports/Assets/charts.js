/* Curves of runs for the report and the dashboard, drawn by uPlot: legend, zoom, log scale, light and dark, keyboard, and their values
   as a table. Everything that comes from a run is put into the page as text, never as markup. */
(() => {
  'use strict';

  const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
  const colours = 8;
  const height = 220;
  const mostRows = 60;
  const charts = [];

  function node(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) {
      if (key in element && typeof value !== 'string') element[key] = value;
      else if (value !== undefined && value !== null) element.setAttribute(key, value);
    }
    element.append(...children.filter(child => child !== undefined && child !== null));
    return element;
  }

  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** A value as people read it: number, percent, seconds or integer. */
  function number(value, format) {
    if (value === null || value === undefined || !Number.isFinite(value)) return '–';
    if (format === 'percent') return `${(100 * value).toFixed(Math.abs(value) < 0.1 ? 2 : 1)} %`;
    if (format === 'integer') return Math.round(value).toLocaleString('en-US');
    if (format === 'seconds') return seconds(value);
    const size = Math.abs(value);
    const text = value === 0 ? '0'
      : size >= 1e6 || size < 1e-4 ? value.toExponential(2)
      : size >= 1000 ? value.toLocaleString('en-US', { maximumFractionDigits: 0 })
      : String(Number(value.toPrecision(4)));
    return text;
  }

  function seconds(value) {
    const size = Math.abs(value);
    const [scale, unit] = size === 0 || size >= 1 ? [1, 's'] : size >= 1e-3 ? [1e3, 'ms'] : [1e6, 'µs'];
    return `${Number((value * scale).toPrecision(size >= 1000 ? 6 : 4))} ${unit}`;
  }

  const titles = {
    loss: 'Loss', learningRate: 'Learning rate', gradientNorm: 'Gradient norm', imagesPerSecond: 'Images per second',
    dataWaitSeconds: 'Wait for data', stepSeconds: 'Time of a step', evaluationSeconds: 'Time of an evaluation',
    knn: 'kNN', knnTop5: 'kNN, top 5', accuracy: 'Accuracy', accuracyTop5: 'Accuracy, top 5', recallAt1: 'Recall@1', mapAtR: 'MAP@R',
    rPrecision: 'R-precision', effectiveRank: 'Effective rank', standardDeviation: 'Standard deviation',
    positiveSimilarity: 'Similarity of positives', hardestNegativeSimilarity: 'Hardest negative',
  };

  /** What people call a series: <c>embeddings.effectiveRank</c> is "Effective rank". */
  function title(name) {
    const last = name.slice(name.lastIndexOf('.') + 1);
    if (Object.hasOwn(titles, last)) return titles[last];
    const words = last.replace(/([a-z0-9])([A-Z])/g, (_, before, after) => `${before} ${after.toLowerCase()}`);
    return words.charAt(0).toUpperCase() + words.slice(1);
  }

  const training = ['loss', 'imagesPerSecond', 'learningRate', 'gradientNorm'];
  const times = ['stepSeconds', 'dataWaitSeconds'];

  /** Which charts show which series, in sections; of several runs every series has a chart of its own. */
  function layout(names, several) {
    const left = new Set(names.filter(name => name !== 'evaluationSeconds'));
    const take = wanted => wanted.filter(name => left.delete(name));
    const below = prefix => take([...left].filter(name => name.startsWith(prefix)));
    const group = (name, list, format) => list.length === 0 ? []
      : several ? list.map(item => ({ title: title(item), names: [item], format })) : [{ title: name ?? title(list[0]), names: list, format }];
    const each = (list, format) => list.map(item => ({ title: title(item), names: [item], format }));
    const loss = each(take(training.slice(0, 1)));
    const judged = group('Evaluation', below('evaluation.'), 'percent');
    const rest = each(take(training.slice(1)));
    const time = group('Time of a step', take(times), 'seconds');
    const similar = group('Similarities', take(['embeddings.positiveSimilarity', 'embeddings.hardestNegativeSimilarity']));
    return [
      { title: 'Training', charts: [...loss, ...judged, ...rest, ...time] },
      { title: 'Embedding space', charts: [...each(below('embeddings.')), ...similar] },
      { title: 'Method', charts: each(below('method.')) },
      { title: 'More', charts: each([...left]) },
    ].filter(section => section.charts.length > 0);
  }

  /** One chart of several lines: { label, x, y, style }; y has null where a value was no number. */
  class Chart {
    constructor(host, { title: name, format, lines = [], log = false, xLabel = 'step' }) {
      Object.assign(this, { title: name, format, lines, log, xLabel, span: null, hidden: new Set(), zoom: null });
      this.logButton = this.button('Log', 'Logarithmic scale', () => { this.log = !this.log; this.redraw(); });
      this.valuesButton = this.button('Values', 'Values as a table', () => this.toggleValues());
      this.resetButton = this.button('Reset', 'Shows all steps', () => this.resetZoom());
      this.resetButton.removeAttribute('aria-pressed');
      this.plotNode = node('div', { class: 'plot', tabindex: '0', role: 'img' });
      this.legendNode = node('ul', { class: 'legend' });
      this.valuesNode = node('div', { class: 'values', hidden: true, tabindex: '0', role: 'region', 'aria-label': `${name}: values` });
      this.said = node('span', { class: 'only-read', 'aria-live': 'polite' });
      this.figure = node('figure', { class: 'chart' },
        node('figcaption', {}, node('h3', {}, name), node('div', { class: 'tools' }, this.resetButton, this.logButton, this.valuesButton)),
        this.plotNode, this.legendNode, this.said, this.valuesNode);
      host.append(this.figure);
      this.plotNode.addEventListener('keydown', event => this.key(event));
      this.resize = new ResizeObserver(() => this.fit());
      this.resize.observe(this.plotNode);
      charts.push(this);
      this.redraw();
    }

    /** Shows other lines, and more of x than they have where others have more; what is hidden and how it is zoomed stays. */
    set(lines, span = null) {
      this.span = span;
      const isSame = lines.length === this.lines.length && lines.every((line, i) => line.label === this.lines[i].label);
      this.lines = lines;
      if (isSame && this.plot && this.count() > 0) {
        const zoom = this.zoom;
        this.plot.setData(this.data());
        this.plot.setScale('x', zoom ?? this.all());
        this.describe();
        this.showValues(null);
      } else {
        this.redraw();
      }
    }

    /** Draws anew, as after a change of colours; what is zoomed into stays. */
    redraw() {
      const zoom = this.zoom;
      this.plot?.destroy();
      this.plot = null;
      this.plotNode.replaceChildren();
      this.plotNode.classList.toggle('empty', this.count() === 0);
      this.logButton.setAttribute('aria-pressed', String(this.log));
      this.resetButton.hidden = true;
      this.zoom = null;
      this.drawLegend();
      this.describe();
      if (this.count() === 0) {
        this.plotNode.style.height = `${height}px`;
        this.plotNode.append('no values yet');
        return;
      }
      this.plotNode.style.height = '';
      this.plot = new uPlot(this.options(), this.data(), this.plotNode);
      this.plot.setScale('x', zoom ?? this.all());
      this.zoomed(zoom ?? this.all());
      this.showValues(null);
    }

    /** All of x. */
    all() {
      const x = this.plot.data[0];
      return { min: Math.min(this.span?.[0] ?? Infinity, x[0]), max: Math.max(this.span?.[1] ?? -Infinity, x[x.length - 1]) };
    }

    destroy() {
      this.resize.disconnect();
      this.plot?.destroy();
      this.figure.remove();
      charts.splice(charts.indexOf(this), 1);
    }

    count() { return this.lines.reduce((sum, line) => sum + line.x.length, 0); }

    data() {
      const tables = this.lines.map(line => [line.x, this.log ? line.y.map(value => value > 0 ? value : null) : line.y]);
      return tables.length === 1 ? tables[0] : uPlot.join(tables);
    }

    options() {
      const axis = more => ({
        stroke: colour('--muted'), grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false },
        font: `12px ${colour('--sans')}`, ...more,
      });
      const isSparse = line => line.x.length <= 60;
      return {
        width: Math.max(200, this.plotNode.clientWidth), height,
        padding: [10, 12, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: 'steps', setSeries: false }, drag: { x: true, y: false }, bind: { dblclick: () => () => this.resetZoom() }, points: { size: 7 }, focus: { prox: 24 } },
        focus: { alpha: 0.35 },
        scales: { x: { time: false }, y: { distr: this.log ? 3 : 1, range: this.log ? undefined : (_, min, max) => this.range(min, max) } },
        axes: [
          axis({ size: 34, values: (_, ticks) => ticks.map(tick => Number.isInteger(tick) ? short(tick) : '') }),
          axis({ size: 58, values: (_, ticks) => ticks.map(tick => tick === null ? '' : this.tick(tick)) }),
        ],
        series: [{}, ...this.lines.map((line, i) => ({
          label: line.label,
          show: !this.hidden.has(line.label),
          stroke: colour(`--curve-${(line.style ?? i) % colours}`),
          width: 1.75,
          dash: dashes[this.dash(line, i)],
          points: { show: isSparse(line), size: 5, fill: colour('--card') },
        }))],
        hooks: {
          setCursor: [plot => this.showValues(plot.cursor.idx)],
          setScale: [(plot, key) => key === 'x' && this.zoomed(plot.scales.x)],
        },
      };
    }

    dash(line, i) {
      const style = line.style ?? i;
      return this.lines.length === 1 ? 0 : (style + Math.floor(style / colours)) % dashes.length;
    }

    tick(value) { return this.format === 'percent' ? `${Number((100 * value).toPrecision(4))} %` : short(value); }

    range(min, max) {
      if (min === null || max === null) return [0, 1];
      const room = (max - min) * 0.06 || Math.abs(max) * 0.1 || 1;
      return [min >= 0 && min - room < 0 ? 0 : min - room, max + room];
    }

    zoomed({ min, max }) {
      if (!this.plot) return;
      const all = this.all();
      this.zoom = min > all.min || max < all.max ? { min, max } : null;
      this.resetButton.hidden = this.zoom === null;
    }

    resetZoom() {
      if (!this.plot) return;
      this.plot.setScale('x', this.all());
      this.plotNode.focus();
    }

    fit() {
      if (this.plot && this.plotNode.clientWidth > 0 && this.plotNode.clientWidth !== this.plot.width) {
        this.plot.setSize({ width: this.plotNode.clientWidth, height });
      }
    }

    /** Arrows move along the curve, + and - zoom, Escape shows all. */
    key(event) {
      if (!this.plot || event.ctrlKey || event.metaKey || event.altKey) return;
      const { data: [x], scales, cursor } = this.plot;
      const [from, to] = [x.findIndex(value => value >= scales.x.min), x.findLastIndex(value => value <= scales.x.max)];
      const at = Math.min(to, Math.max(from, cursor.idx ?? (event.key === 'ArrowLeft' ? to : from)));
      const page = event.shiftKey ? Math.max(1, Math.round((to - from) / 20)) : 1;
      const moves = { ArrowLeft: at - page, ArrowRight: at + page, Home: from, End: to };
      if (Object.hasOwn(moves, event.key)) {
        const idx = Math.min(to, Math.max(from, moves[event.key]));
        const left = this.plot.valToPos(x[idx], 'x');
        this.plot.setCursor({ left, top: this.plot.over.clientHeight / 2 });
        this.said.textContent = this.say(idx);
      } else if (event.key === '+' || event.key === '-') {
        const middle = x[at];
        const half = (scales.x.max - scales.x.min) * (event.key === '+' ? 0.25 : 1);
        const all = this.all();
        this.plot.setScale('x', { min: Math.max(all.min, middle - half), max: Math.min(all.max, middle + half) });
      } else if (event.key === 'Escape' && this.zoom) {
        this.resetZoom();
      } else {
        return;
      }
      event.preventDefault();
    }

    say(idx) {
      const values = this.lines.map((line, i) => [line.label, this.plot.data[i + 1][idx]]).filter(([, value]) => value !== undefined);
      return `${this.xLabel} ${number(this.plot.data[0][idx], 'integer')}: ${values.map(([label, value]) => `${label} ${number(value, this.format)}`).join(', ')}`;
    }

    button(text, label, click) {
      const button = node('button', { type: 'button', title: label, 'aria-pressed': 'false' }, text);
      button.addEventListener('click', click);
      return button;
    }

    drawLegend() {
      this.outputs = [];
      this.legendNode.replaceChildren(...this.lines.map((line, i) => {
        const output = node('span', { class: 'value' }); // no <output>: it would be read aloud at every look
        this.outputs.push(output);
        const button = node('button', { type: 'button', 'aria-pressed': String(!this.hidden.has(line.label)), title: line.label },
          this.sample(line, i), node('span', { class: 'name' }, line.label), output);
        button.addEventListener('click', () => {
          if (!this.hidden.delete(line.label)) this.hidden.add(line.label);
          button.setAttribute('aria-pressed', String(!this.hidden.has(line.label)));
          this.plot?.setSeries(i + 1, { show: !this.hidden.has(line.label) });
        });
        return node('li', {}, button);
      }));
    }

    sample(line, i) {
      const make = (name, attributes) => {
        const element = document.createElementNS('http://www.w3.org/2000/svg', name);
        for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
        return element;
      };
      const svg = make('svg', { viewBox: '0 0 30 12', 'aria-hidden': 'true' });
      svg.append(make('line', {
        x1: 0, x2: 30, y1: 6, y2: 6, 'stroke-width': 3,
        stroke: colour(`--curve-${(line.style ?? i) % colours}`), 'stroke-dasharray': dashes[this.dash(line, i)].join(' '),
      }));
      return svg;
    }

    /** The values at the cursor in the legend, or the last ones. */
    showValues(idx) {
      if (!this.plot) return;
      this.lines.forEach((line, i) => {
        const value = idx === null || idx === undefined ? line.y[line.y.length - 1] : this.plot.data[i + 1][idx];
        this.outputs[i].textContent = value === undefined ? '' : number(value, this.format);
      });
    }

    /** The text alternative of the picture. */
    describe() {
      const parts = this.lines.map(line => {
        const values = line.y.filter(value => value !== null);
        if (values.length === 0) return `${line.label}: no values`;
        const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
        return `${line.label}: from ${this.xLabel} ${number(line.x[0], 'integer')} to ${number(line.x[line.x.length - 1], 'integer')}, `
          + `first ${number(values[0], this.format)}, last ${number(values[values.length - 1], this.format)}, `
          + `between ${number(low, this.format)} and ${number(high, this.format)}`;
      });
      this.plotNode.setAttribute('aria-label', `${this.title}. ${parts.join('; ')}. Arrow keys move along the curve, plus and minus zoom.`);
      if (!this.valuesNode.hidden) this.fillValues();
    }

    toggleValues() {
      this.valuesNode.hidden = !this.valuesNode.hidden;
      this.valuesButton.setAttribute('aria-pressed', String(!this.valuesNode.hidden));
      if (!this.valuesNode.hidden) this.fillValues();
    }

    fillValues() {
      const data = this.count() === 0 ? [[]] : this.data();
      const every = Math.max(1, Math.ceil(data[0].length / mostRows));
      const rows = data[0].map((_, i) => i).filter(i => i % every === 0 || i === data[0].length - 1);
      this.valuesNode.replaceChildren(node('table', {},
        node('caption', { class: 'only-read' }, every === 1 ? `${this.title}: every value` : `${this.title}: one of ${every} values`),
        node('thead', {}, node('tr', {}, node('th', { scope: 'col', class: 'number' }, this.xLabel),
          ...this.lines.map(line => node('th', { scope: 'col', class: 'number' }, line.label)))),
        node('tbody', {}, ...rows.map(i => node('tr', {}, node('th', { scope: 'row', class: 'number' }, number(data[0][i], 'integer')),
          ...this.lines.map((_, k) => node('td', { class: 'number' }, data[k + 1][i] === undefined ? '' : number(data[k + 1][i], this.format))))))));
    }
  }

  function short(value) {
    const size = Math.abs(value);
    return size >= 1e9 ? value.toExponential(0)
      : size >= 1e6 ? `${Number((value / 1e6).toPrecision(4))}M`
      : size >= 1e4 ? `${Number((value / 1e3).toPrecision(4))}k`
      : size > 0 && size < 1e-3 ? value.toExponential(1).replace('.0', '')
      : String(Number(value.toPrecision(6)));
  }

  /** All charts of one or several runs: { name, series: { loss: { x, y } } }. */
  class Curves {
    constructor(host) {
      Object.assign(this, { host, shown: '', charts: [] });
    }

    /** Shows runs as they are now; charts stay as long as the series are the same. */
    set(runs) {
      const names = [...new Set(runs.flatMap(run => Object.keys(run.series)))];
      const shown = JSON.stringify([names, runs.map(run => run.name)]);
      if (shown !== this.shown) {
        this.charts.forEach(({ chart }) => chart.destroy());
        this.shown = shown;
        const sections = layout(names, runs.length > 1);
        this.charts = [];
        this.host.replaceChildren(...sections.map(section => {
          const place = node('div', { class: 'charts' });
          for (const { title: name, names: own, format } of section.charts) {
            this.charts.push({ chart: new Chart(place, { title: name, format }), names: own });
          }
          return node('section', {}, node('h2', {}, section.title), place);
        }));
      }
      const all = runs.flatMap(run => Object.values(run.series)).filter(line => line.x.length > 0);
      const span = all.reduce(([from, to], { x }) => [Math.min(from, x[0]), Math.max(to, x[x.length - 1])], [Infinity, -Infinity]);
      this.charts.forEach(({ chart, names: own }) => chart.set(lines(runs, own), span));
    }
  }

  const none = { x: [], y: [] };
  const own = (series, name) => Object.hasOwn(series, name) ? series[name] : none;
  const lines = (runs, names) => runs.length === 1
    ? names.map((name, i) => ({ label: title(name), style: i, ...own(runs[0].series, name) }))
    : names.flatMap(name => runs.map((run, i) => ({ label: run.name, style: i, ...own(run.series, name) })));

  /** Light, dark, or as the system is: a button that changes it. What was chosen is kept where the page may keep something. */
  function theme(button) {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const kept = () => { try { return localStorage.getItem('theme'); } catch { return null; } };
    const is = () => document.documentElement.dataset.theme ?? (dark.matches ? 'dark' : 'light');
    const show = () => {
      const other = is() === 'dark' ? 'light' : 'dark';
      button.textContent = other === 'dark' ? 'Dark' : 'Light';
      button.setAttribute('aria-label', `Switch to ${other} colours`);
      charts.forEach(chart => chart.redraw());
    };
    if (kept()) document.documentElement.dataset.theme = kept();
    button.addEventListener('click', () => {
      const other = is() === 'dark' ? 'light' : 'dark';
      document.documentElement.dataset.theme = other;
      try { localStorage.setItem('theme', other); } catch { /* a file that may not keep anything */ }
      show();
    });
    dark.addEventListener('change', show);
    let before;
    addEventListener('beforeprint', () => { before = document.documentElement.dataset.theme; document.documentElement.dataset.theme = 'light'; show(); });
    addEventListener('afterprint', () => {
      if (before === undefined) delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = before;
      show();
    });
    show();
  }

  window.SelfSup = { Chart, Curves, charts, layout, title, number, node, theme };
})();
