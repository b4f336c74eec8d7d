/* A report: its curves, and maps of embeddings: points of classes, drawn as SVG so that they print as they are; by principal components, and at demand by UMAP. */
(() => {
  'use strict';
  const SVG = 'http://www.w3.org/2000/svg';
  const WIDTH = 760, HEIGHT = 560, MARGIN = 22, NEAR = 18;
  // Petroff 2021, https://arxiv.org/abs/2107.02270: ten colours that people with any colour vision tell apart. More classes have other shapes.
  const COLOURS = ['#3f90da', '#ffa90e', '#bd1f01', '#94a4a2', '#832db6', '#a96b59', '#e76300', '#b9ac70', '#717581', '#92dadd'];
  const SHAPES = [null, r => `m${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`, r => `m0 ${-1.25 * r}l${1.2 * r} ${2.1 * r}h${-2.4 * r}z`,
    r => `m0 ${-1.4 * r}l${1.4 * r} ${1.4 * r}l${-1.4 * r} ${1.4 * r}l${-1.4 * r} ${-1.4 * r}z`, r => `m0 ${1.25 * r}l${1.2 * r} ${-2.1 * r}h${-2.4 * r}z`];
  const NOTHING = '#717581'; // points without a class

  const make = (name, attributes, parent) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent?.append(element);
    return element;
  };
  const html = (name, properties, parent) => {
    const element = Object.assign(document.createElement(name), properties);
    parent?.append(element);
    return element;
  };
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer;

  /** Points of a class as one path: a dot is a line of no length with a round end. */
  function marks(parent, style, places, radius) {
    const shape = SHAPES[style.shape];
    const path = places.map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}${shape ? shape(radius) : 'h.01'}`).join('');
    const group = make('g', {}, parent);
    if (shape) {
      make('path', { d: path, class: 'edge', 'stroke-width': 1.6 }, group);
      make('path', { d: path, fill: style.colour }, group);
    } else {
      make('path', { d: path, class: 'edge dots', 'stroke-width': 2 * radius + 1.5 }, group);
      make('path', { d: path, class: 'dots', stroke: style.colour, 'stroke-width': 2 * radius }, group);
    }
    return group;
  }

  class EmbeddingMap {
    constructor(figure, data, atlases) {
      [this.figure, this.data, this.atlas] = [figure, data, atlases[data.atlas]];
      this.values = new Int16Array(bytes(data.components));
      this.labels = data.labels;
      this.hidden = new Set();
      this.coordinates = { pca: this.flat((row, axis) => this.values[row * data.width + axis] * data.scale) };
      this.kind = 'pca';
      this.build();
      this.show('pca');
    }

    flat(at) {
      return Array.from({ length: this.data.count }, (_, row) => [at(row, 0), this.data.width > 1 ? at(row, 1) : 0]);
    }

    build() {
      const [stage, aside] = [html('div', { className: 'stage' }), html('div', { className: 'aside' })];
      this.figure.prepend(stage, aside);
      this.svg = make('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, tabindex: 0, role: 'application', 'aria-roledescription': 'map of images' }, stage);
      this.svg.setAttribute('aria-label', `${this.data.title}. Arrow keys go from point to point${this.figure.querySelector('.numbers') ? '; the table after the map says the same in numbers' : ''}.`);
      this.layer = make('g', {}, this.svg);
      this.ring = make('circle', { r: 8, class: 'ring', visibility: 'hidden' }, this.svg);
      this.tip = html('div', { className: 'tip', hidden: true }, stage);
      this.thumb = this.atlas ? html('i', {}, this.tip) : null;
      this.tipText = html('span', {}, this.tip);

      const tools = html('div', { className: 'tools' }, aside);
      this.buttons = {
        pca: html('button', { type: 'button', textContent: 'PCA', onclick: () => this.show('pca') }, tools),
        umap: html('button', { type: 'button', textContent: 'UMAP', onclick: () => this.umap() }, tools),
      };
      this.buttons.umap.title = 'Computed here, in this page, from the first principal components';
      const list = html('ul', {}, aside);
      this.styles = this.data.classes.map((_, label) => ({ colour: COLOURS[label % COLOURS.length], shape: Math.floor(label / COLOURS.length) % SHAPES.length }));
      const present = new Set(this.labels);
      this.data.classes.forEach((name, label) => {
        if (!present.has(label)) return;
        const button = html('button', { type: 'button', className: 'kind' }, html('li', {}, list));
        button.setAttribute('aria-pressed', 'true');
        marks(make('svg', { viewBox: '-8 -8 16 16', 'aria-hidden': 'true' }, button), this.styles[label], [[0, 0]], 5);
        button.append(name);
        button.onclick = () => this.toggle(button, label);
      });
      this.say = html('p', { className: 'say' }, aside);
      this.say.setAttribute('role', 'status');

      stage.addEventListener('pointermove', event => this.point(event));
      stage.addEventListener('pointerleave', () => this.select(-1));
      this.svg.addEventListener('keydown', event => this.key(event));
      this.svg.addEventListener('blur', () => this.select(-1));
    }

    show(kind) {
      this.kind = kind;
      for (const [name, button] of Object.entries(this.buttons)) button.setAttribute('aria-pressed', String(name === kind));
      const points = this.coordinates[kind];
      const [left, right] = [Math.min(...points.map(p => p[0])), Math.max(...points.map(p => p[0]))];
      const [low, high] = [Math.min(...points.map(p => p[1])), Math.max(...points.map(p => p[1]))];
      const scale = Math.min((WIDTH - 2 * MARGIN) / (right - left || 1), (HEIGHT - 2 * MARGIN) / (high - low || 1));
      this.places = points.map(([x, y]) => [WIDTH / 2 + (x - (left + right) / 2) * scale, HEIGHT / 2 - (y - (low + high) / 2) * scale]);
      this.figure.dataset.kind = kind;
      this.draw();
    }

    draw() {
      this.layer.replaceChildren();
      const radius = Math.max(2.2, Math.min(5, 120 / Math.sqrt(this.data.count)));
      const of = label => this.places.filter((_, row) => this.labels[row] === label);
      if (this.labels.some(label => label < 0)) marks(this.layer, { colour: NOTHING, shape: 0 }, of(-1), radius);
      this.styles.forEach((style, label) => { if (!this.hidden.has(label)) marks(this.layer, style, of(label), radius); });
      this.select(-1);
    }

    toggle(button, label) {
      if (!this.hidden.delete(label)) this.hidden.add(label);
      button.setAttribute('aria-pressed', String(!this.hidden.has(label)));
      this.draw();
    }

    isShown(row) { return !this.hidden.has(this.labels[row]); }

    point(event) {
      const box = this.svg.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) * WIDTH / box.width, (event.clientY - box.top) * HEIGHT / box.height];
      let [best, nearest] = [-1, NEAR * NEAR];
      this.places.forEach(([px, py], row) => {
        const distance = (px - x) ** 2 + (py - y) ** 2;
        if (distance < nearest && this.isShown(row)) [best, nearest] = [row, distance];
      });
      this.select(best);
    }

    key(event) {
      const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [1, -1], ArrowDown: [1, 1] }[event.key];
      if (event.key === 'Escape') this.select(-1);
      if (!step) return;
      event.preventDefault();
      const [axis, direction] = step;
      const rows = this.places.map((_, row) => row).filter(row => this.isShown(row)).sort((one, other) => this.places[one][axis] - this.places[other][axis]);
      if (rows.length === 0) return;
      const at = rows.indexOf(this.selected);
      this.select(rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + direction))], true);
    }

    select(row, aloud = false) {
      this.selected = row;
      this.tip.hidden = row < 0;
      this.ring.setAttribute('visibility', row < 0 ? 'hidden' : 'visible');
      if (row < 0) return;
      const [x, y] = this.places[row];
      this.ring.setAttribute('cx', x);
      this.ring.setAttribute('cy', y);
      const kind = this.data.classes[this.labels[row]];
      this.tipText.replaceChildren();
      if (kind !== undefined) html('b', { textContent: kind }, this.tipText);
      this.tipText.append(this.data.names[row]);
      if (aloud) this.say.textContent = `${kind ?? ''} ${this.data.names[row]}`;
      if (this.thumb) {
        const { address, columns, rows } = this.atlas;
        const style = this.thumb.style;
        style.backgroundImage = `url(${address})`;
        style.backgroundSize = `${96 * columns}px ${96 * rows}px`;
        style.backgroundPosition = `${-96 * (row % columns)}px ${-96 * Math.floor(row / columns)}px`;
      }
      const box = this.svg.getBoundingClientRect();
      const [left, top] = [x * box.width / WIDTH, y * box.height / HEIGHT];
      this.tip.style.left = `${left + 16 + this.tip.offsetWidth > box.width ? Math.max(0, left - 16 - this.tip.offsetWidth) : left + 16}px`;
      this.tip.style.top = `${Math.max(4, Math.min(top - 20, box.height - this.tip.offsetHeight - 4))}px`;
    }

    /** UMAP takes seconds, so that it is computed when somebody asks, beside the page; always alike, by a seed. */
    umap() {
      if (this.coordinates.umap) { this.show('umap'); return; }
      const button = this.buttons.umap;
      button.disabled = true;
      const address = URL.createObjectURL(new Blob([document.getElementById('umap').textContent, ';(', umapWorker.toString(), ')();'], { type: 'text/javascript' }));
      const worker = new Worker(address);
      const end = () => { worker.terminate(); URL.revokeObjectURL(address); button.disabled = false; button.textContent = 'UMAP'; };
      worker.onmessage = ({ data }) => {
        if (data.share !== undefined) { button.textContent = `UMAP ${Math.round(100 * data.share)} %`; return; }
        this.coordinates.umap = data.points;
        end();
        this.show('umap');
      };
      worker.onerror = event => { event.preventDefault(); end(); button.disabled = true; this.say.textContent = `UMAP could not be computed: ${event.message ?? 'the browser does not allow it'}`; };
      worker.postMessage({ values: this.values, count: this.data.count, width: this.data.width, scale: this.data.scale });
    }
  }

  /** Runs in a worker, after the library. */
  function umapWorker() {
    onmessage = ({ data: { values, count, width, scale } }) => {
      let state = 1;
      const random = () => { // mulberry32
        state = (state + 0x6D2B79F5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
      };
      const points = Array.from({ length: count }, (_, row) => Array.from(values.subarray(row * width, (row + 1) * width), value => value * scale));
      const umap = new UMAP.UMAP({ nNeighbors: Math.min(15, count - 1), minDist: 0.1, random });
      const epochs = umap.initializeFit(points);
      for (let epoch = 0; epoch < epochs; epoch++) {
        umap.step();
        if (epoch % 10 === 0) postMessage({ share: epoch / epochs });
      }
      postMessage({ points: umap.getEmbedding() });
    };
  }

  const read = name => JSON.parse(document.getElementById(name).textContent);
  new SelfSup.Curves(document.getElementById('curves')).set(read('curves-data'));
  SelfSup.theme(document.getElementById('theme'));
  const data = read('maps-data');
  for (const figure of document.querySelectorAll('figure.map')) new EmbeddingMap(figure, data.maps[figure.dataset.map], data.atlases);
})();
