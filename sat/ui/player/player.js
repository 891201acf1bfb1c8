/* The word player: a caption, its attention over the picture, and the means to walk through it.
 *
 * The maps arrive raw. They are upsampled, smoothed, scaled and blended here exactly as in sat/drawing/overlay.py, which a
 * test compares with this canvas pixel by pixel: change both or neither. Stepping never waits for the server; the step,
 * the view and a chosen box of cells are reported to it when the hand rests.
 */

const SQUARE = 224; // sigma and the marks are measured on a square of this side
const WORD_MS = 950; // a word stands so long at speed 1
const FADE_MS = 220;
const REST_MS = 160; // the server hears of a step when nothing has moved for so long
const TILE_PIXELS = 192;
const HOLD_MS = 300; // a finger that rests so long on the picture begins a box

const players = new WeakMap();

export default function (component) {
  const root = component.parentElement.querySelector(".player");
  if (!root) return;
  if (!players.has(root)) players.set(root, new Player(root));
  const player = players.get(root);
  player.report = component.setStateValue;
  player.trigger = component.setTriggerValue;
  player.load(component.data[0]);
  return () => player.stop();
}

/* Players of one group follow each other: here are those that are on the page. */
const groups = new Map();

/* ---- The sums of overlay.py ---- */

const expansions = new Map();

/* The matrix (size x cells, row by row) that interpolates a row of cells and smooths it. */
function expansion(cells, size, sigma) {
  const key = `${cells}/${size}/${sigma}`;
  if (expansions.has(key)) return expansions.get(key);
  const interpolate = new Float64Array(size * cells);
  for (let i = 0; i < size; i++) {
    const at = ((i + 0.5) * cells) / size - 0.5;
    const low = Math.floor(at);
    for (const [cell, weight] of [[low, 1 - (at - low)], [low + 1, at - low]]) {
      const mirrored = cell < 0 ? -cell : cell >= cells ? 2 * (cells - 1) - cell : cell;
      interpolate[i * cells + Math.min(Math.max(mirrored, 0), cells - 1)] += weight;
    }
  }
  const pixels = (sigma * size) / SQUARE;
  let matrix = interpolate;
  if (pixels > 0) {
    const radius = Math.floor(4 * pixels + 0.5);
    const kernel = [];
    for (let o = -radius; o <= radius; o++) kernel.push(Math.exp(-0.5 * (o / pixels) ** 2));
    const total = kernel.reduce((a, b) => a + b, 0);
    matrix = new Float64Array(size * cells);
    for (let i = 0; i < size; i++) {
      for (let o = -radius; o <= radius; o++) {
        const block = Math.floor((i + o) / size);
        const inside = i + o - block * size;
        const source = block % 2 === 0 ? inside : size - 1 - inside;
        const weight = kernel[o + radius] / total;
        for (let c = 0; c < cells; c++) matrix[i * cells + c] += weight * interpolate[source * cells + c];
      }
    }
  }
  if (expansions.size > 24) expansions.clear();
  expansions.set(key, matrix);
  return matrix;
}

/* One map (rows x columns) as Float32Array (size x size). */
function expand(map, rows, columns, size, sigma) {
  const down = expansion(rows, size, sigma);
  const across = expansion(columns, size, sigma);
  const half = new Float64Array(rows * size);
  for (let r = 0; r < rows; r++) {
    for (let x = 0; x < size; x++) {
      let sum = 0;
      for (let c = 0; c < columns; c++) sum += map[r * columns + c] * across[x * columns + c];
      half[r * size + x] = sum;
    }
  }
  const out = new Float32Array(size * size);
  const line = new Float64Array(size);
  for (let y = 0; y < size; y++) {
    line.fill(0);
    for (let r = 0; r < rows; r++) {
      const weight = down[y * rows + r];
      if (weight === 0) continue;
      const from = r * size;
      for (let x = 0; x < size; x++) line[x] += weight * half[from + x];
    }
    out.set(line, y * size);
  }
  return out;
}

function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return [low, high];
}

/* All maps in 0..1 on the view's scale, and what the brightest point of a shared scale stands for (times uniform). */
function scaled(maps, rows, columns, view, constants) {
  const size = view.style === "contour" ? constants.contour_side : SQUARE;
  const raw = view.style === "cells" ? maps.map((m) => Float32Array.from(m)) : maps.map((m) => expand(m, rows, columns, size, view.sigma));
  const extents = raw.map(extent);
  const glimpses = maps.every((m) => m.reduce((n, v) => n + (v !== 0 ? 1 : 0), 0) === 1);
  const top = Math.max(...extents.map(([, high]) => high));
  const levels = raw.map((values, t) => {
    const [low, high] = glimpses ? [0, extents[t][1]] : view.scale === "shared" ? [0, top] : extents[t];
    const spread = high - low > 1e-12 ? high - low : 1;
    return values.map((v) => Math.min(Math.max((v - low) / spread, 0), 1));
  });
  return { levels, top: top * rows * columns, glimpses };
}

/* Fill RGBA bytes (not premultiplied) with the layer of one map in 0..1. */
function paint(out, level, view, constants, colours) {
  if (view.style === "contour") return paintContour(out, level, view.strength, constants);
  const heat = view.style !== "paper";
  const opaque = Math.round(255 * view.strength);
  for (let i = 0, o = 0; i < level.length; i++, o += 4) {
    const v = Math.round(255 * level[i]);
    if (heat) {
      out[o] = colours[3 * v];
      out[o + 1] = colours[3 * v + 1];
      out[o + 2] = colours[3 * v + 2];
      out[o + 3] = Math.round(255 * view.strength * (constants.heat_floor + (1 - constants.heat_floor) * level[i]));
    } else {
      out[o] = out[o + 1] = out[o + 2] = v;
      out[o + 3] = opaque;
    }
  }
}

function paintContour(out, level, strength, constants) {
  const size = Math.round(Math.sqrt(level.length));
  const { levels, line: lineWidth, halo: haloWidth, flat } = constants.contour;
  for (let y = 0; y < size; y++) {
    const above = Math.max(y - 1, 0) * size;
    const below = Math.min(y + 1, size - 1) * size;
    for (let x = 0; x < size; x++) {
      const i = y * size + x;
      const value = level[i];
      let away = Infinity;
      for (const c of levels) away = Math.min(away, Math.abs(value - c));
      const down = (level[below + x] - level[above + x]) / 2;
      const right = (level[y * size + Math.min(x + 1, size - 1)] - level[y * size + Math.max(x - 1, 0)]) / 2;
      const slope = Math.hypot(down, right);
      let line = 0;
      let halo = 0;
      if (slope > flat) {
        away /= slope;
        line = Math.min(Math.max(lineWidth + 0.5 - away, 0), 1);
        halo = 0.6 * Math.min(Math.max(haloWidth + 0.5 - away, 0), 1);
      }
      const cover = Math.max(line, halo);
      out[4 * i] = out[4 * i + 1] = out[4 * i + 2] = cover > 0 ? Math.round((255 * line) / cover) : 0;
      out[4 * i + 3] = Math.round(255 * strength * cover);
    }
  }
}

/* ---- The player ---- */

class Player {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.canvas = this.find(".picture");
    this.layer = document.createElement("canvas");
    this.thumb = document.createElement("canvas");
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.speed = 1;
    this.step = 0;
    this.shown = []; // levels of the maps that are shown
    this.listen();
  }

  get words() {
    return this.data.words;
  }

  /* Called on every run of the page; only a new caption or picture changes anything. */
  load(data) {
    if (!data) return;
    this.join(data.group);
    if (this.data && this.data.id === data.id) {
      this.data.positions = data.positions;
      return this.allowPainting(data.paint);
    }
    const first = !this.data;
    this.pause();
    this.data = data;
    this.view = first ? { ...data.view } : this.view;
    this.colours = bytes(data.colours);
    this.maps = { distribution: floats(data.distribution, data), glimpse: floats(data.glimpse ?? data.distribution, data) };
    this.box = null;
    this.cell = null;
    this.painted = null;
    this.step = Math.min(Math.max(data.start, 0), Math.max(this.words.length - 1, 0));
    this.root.classList.toggle("plain", !this.maps.distribution);
    this.root.classList.toggle("empty", this.words.length === 0);
    this.find(".reason").hidden = !data.reason;
    this.find(".reason").textContent = data.reason ?? "";
    this.find(".shows").hidden = !data.glimpse;
    this.root.style.setProperty("--aspect", Math.min(Math.max(data.width / data.height, 0.2), 5));
    this.canvas.width = data.width;
    this.canvas.height = data.height;
    this.root.dataset.ready = "";
    this.build();
    this.recompute();
    const picture = new Image();
    picture.onload = () => {
      if (this.data !== data) return;
      this.picture = picture;
      this.thumbnail();
      this.draw();
      this.redrawStrip();
      this.root.dataset.ready = data.id;
    };
    this.picture = null;
    picture.src = data.picture;
    this.allowPainting(data.paint);
    this.show();
    this.laterAddress();
    // The server still knows where this caption was left; it begins anew.
    if (this.said?.id === data.id && this.said.step !== this.step) {
      this.said = { id: data.id, step: this.step };
      this.later("at", this.said, 0);
    }
  }

  build() {
    const caption = this.find(".caption");
    const strip = this.find(".strip");
    caption.replaceChildren();
    strip.replaceChildren();
    this.chips = this.words.map((word, t) => {
      const chip = element("button", word.changed ? "chip changed" : "chip", word.word);
      chip.type = "button";
      chip.setAttribute("role", "radio");
      chip.append(element("span", "share"));
      chip.onclick = () => this.go(t);
      caption.append(chip);
      return chip;
    });
    this.tiles = this.maps.distribution
      ? this.words.map((word, t) => {
          const tile = element("button", "tile");
          tile.type = "button";
          tile.append(element("span", "", word.word), element("canvas"));
          tile.onclick = () => this.go(t);
          strip.append(tile);
          return tile;
        })
      : [];
    const scrub = this.find(".scrub");
    scrub.max = Math.max(this.words.length - 1, 0);
  }

  listen() {
    const on = (selector, event, handler) => this.find(selector).addEventListener(event, handler);
    on(".previous", "click", () => this.go(this.step - 1));
    on(".next", "click", () => this.go(this.step + 1));
    on(".play", "click", () => this.toggle());
    on(".full", "click", () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen?.()));
    on(".scrub", "input", (event) => this.go(Number(event.target.value)));
    on(".speed select", "change", (event) => (this.speed = Number(event.target.value)));
    on(".sigma", "input", (event) => this.look({ sigma: Number(event.target.value) }));
    on(".strength", "input", (event) => this.look({ strength: Number(event.target.value) }));
    on(".reset", "click", () => this.look({ sigma: this.data.usual.sigma, strength: this.data.usual.strength }));
    on(".clear", "click", () => this.choose(null));
    for (const group of this.root.querySelectorAll(".choice")) {
      for (const button of group.children) {
        button.addEventListener("click", () => this.look({ [group.dataset.option]: button.value }));
      }
    }
    this.root.addEventListener("keydown", (event) => this.key(event));
    on(".picture", "pointermove", (event) => this.hover(this.cellAt(event)));
    on(".picture", "pointerleave", () => this.hover(null));
    on(".picture", "pointerdown", (event) => {
      if (event.button !== 0 || !this.maps.distribution) return;
      const touch = event.pointerType === "touch";
      this.from = this.cellAt(event);
      this.dragging = !touch || !!this.painted;
      if (this.dragging) this.canvas.setPointerCapture(event.pointerId);
      // A finger that rests begins a box; one that moves at once scrolls the page.
      else this.rest = setTimeout(() => this.startDrag(event), HOLD_MS);
      if (this.painted) this.dab(this.from);
    });
    on(".picture", "pointercancel", () => this.endDrag());
    on(".picture", "pointerup", (event) => {
      if (!this.from) return;
      if (!this.painted) this.choose(boxOf(this.from, this.dragging ? this.cellAt(event) : this.from));
      this.endDrag();
      this.root.focus({ preventScroll: true });
    });
    // Not passive: while a box is drawn or a map painted, the finger must not scroll the page.
    this.canvas.addEventListener("touchmove", (event) => this.dragging && this.from && event.preventDefault(), { passive: false });
    on(".picture", "contextmenu", (event) => this.dragging && event.pointerType !== "mouse" && event.preventDefault());
    on(".wipe", "click", () => this.startPainting());
    on(".try", "click", () => this.submitPainting());
  }

  startDrag(event) {
    if (!this.from) return;
    this.dragging = true;
    this.canvas.setPointerCapture(event.pointerId);
    this.hover(this.from);
  }

  endDrag() {
    clearTimeout(this.rest);
    this.from = null;
    this.dragging = false;
  }

  /* ---- Together with other players ---- */

  join(group) {
    if (this.group === group) return;
    this.leave();
    this.group = group;
    if (!group) return;
    if (!groups.has(group)) groups.set(group, new Set());
    groups.get(group).add(this);
  }

  leave() {
    groups.get(this.group)?.delete(this);
    this.group = null;
  }

  others() {
    return [...(groups.get(this.group) ?? [])].filter((other) => other !== this && other.data && other.root.isConnected);
  }

  /* Take the others along to the word at the same position, where they have one. */
  lead(playing) {
    const position = this.data.positions?.[this.step];
    if (position === undefined) return;
    for (const other of this.others()) {
      const step = other.data.positions?.indexOf(position) ?? -1;
      if (step >= 0) other.go(step, { playing, following: true });
    }
  }

  /* ---- Painting ---- */

  allowPainting(allowed) {
    if (!!allowed === !!this.painted) return;
    this.root.classList.toggle("painting", !!allowed);
    this.find(".paint").hidden = !allowed;
    if (allowed) return this.startPainting();
    this.painted = null;
    this.paintedLevel = null;
    this.draw();
  }

  startPainting() {
    this.pause();
    this.painted = new Float32Array(this.data.rows * this.data.columns);
    this.paintedLevel = null;
    this.find(".try").disabled = true;
    this.draw();
  }

  /* A soft dab on a cell and its neighbours; painting a place twice makes it stronger. */
  dab([row, column]) {
    const { rows, columns } = this.data;
    for (let r = Math.max(row - 2, 0); r <= Math.min(row + 2, rows - 1); r++) {
      for (let c = Math.max(column - 2, 0); c <= Math.min(column + 2, columns - 1); c++) {
        this.painted[r * columns + c] += Math.exp(-((r - row) ** 2 + (c - column) ** 2) / 1.5);
      }
    }
    const maps = [this.painted];
    this.paintedLevel = scaled(maps, rows, columns, { ...this.view, scale: "own" }, this.data.constants).levels[0];
    this.find(".try").disabled = false;
    this.draw();
  }

  submitPainting() {
    const { rows, columns } = this.data;
    const levels = [];
    for (let r = 0; r < rows; r++) levels.push([...this.painted.subarray(r * columns, (r + 1) * columns)].map((v) => Math.round(v * 1e4) / 1e4));
    this.trigger("painted", { id: this.data.id, step: this.step, levels });
    this.startPainting();
  }

  /* ---- Walking ---- */

  go(step, { playing = false, following = false } = {}) {
    const last = this.words.length - 1;
    step = Math.min(Math.max(step, 0), last);
    if (!playing) this.pause();
    if (step === this.step) return;
    if (this.painted) this.startPainting();
    this.before = this.shown[this.step];
    this.fadeFrom = this.still ? -Infinity : performance.now();
    this.step = step;
    this.show();
    this.draw();
    if (!following) this.lead(playing);
    this.said = { id: this.data.id, step };
    this.later("at", this.said, playing ? 0 : REST_MS);
    this.laterAddress();
  }

  toggle() {
    if (this.playing) return this.pause();
    if (this.words.length < 2) return;
    if (this.step === this.words.length - 1) this.go(0);
    this.playing = true;
    this.root.classList.add("playing");
    this.find(".play").setAttribute("aria-label", "Pause");
    this.wordSince = performance.now();
    this.frame();
  }

  pause() {
    this.playing = false;
    this.root.classList.remove("playing");
    this.find(".play").setAttribute("aria-label", "Play");
  }

  stop() {
    this.leave();
    this.pause();
    cancelAnimationFrame(this.request);
    this.request = null;
    for (const timer of Object.values(this.timers ?? {})) clearTimeout(timer);
    cancelAnimationFrame(this.stripRequest);
  }

  /* Browsers allow few changes of the address a second. */
  laterAddress() {
    this.timers ??= {};
    clearTimeout(this.timers.address);
    this.timers.address = setTimeout(() => this.address(), 400);
  }

  /* Say something to the server once nothing newer has been said for a while. */
  later(name, value, delay) {
    this.timers ??= {};
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(() => this.report(name, value), delay);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.words.length) return;
    const target = event.composedPath()[0];
    const chip = target.classList.contains("chip");
    const slider = target.matches("input, select");
    const choice = target.closest(".choice");
    const arrow = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (event.shiftKey && arrow && this.maps.distribution) this.moveCell(arrow);
    else if (event.shiftKey) return;
    else if (event.key === " " && (chip || target === this.root || target.matches(".scrub"))) this.toggle();
    else if (event.key === "Enter" && this.cell && target === this.root && this.painted) this.dab(this.cell);
    else if (event.key === "Enter" && this.cell && target === this.root) this.choose(boxOf(this.cell, this.cell));
    else if (event.key === "Escape" && this.box) this.choose(null);
    else if (slider && !(event.key === "Escape")) return;
    else if (choice && arrow) this.moveChoice(choice, target, arrow[0] + arrow[1]);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      this.go(this.step + arrow[1]);
      if (chip) this.chips[this.step].focus();
    } else if (event.key === "Home" || event.key === "End") this.go(event.key === "Home" ? 0 : this.words.length - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  moveChoice(group, from, by) {
    const buttons = [...group.children];
    const to = buttons[(buttons.indexOf(from) + by + buttons.length) % buttons.length];
    to.focus();
    to.click();
  }

  /* ---- Places ---- */

  cellAt(event) {
    const frame = this.canvas.getBoundingClientRect();
    const { rows, columns } = this.data;
    const row = Math.floor(((event.clientY - frame.top) / frame.height) * rows);
    const column = Math.floor(((event.clientX - frame.left) / frame.width) * columns);
    return [Math.min(Math.max(row, 0), rows - 1), Math.min(Math.max(column, 0), columns - 1)];
  }

  moveCell([down, across]) {
    const { rows, columns } = this.data;
    const [row, column] = this.cell ?? [Math.floor(rows / 2), Math.floor(columns / 2)];
    this.root.focus({ preventScroll: true });
    this.hover([Math.min(Math.max(row + down, 0), rows - 1), Math.min(Math.max(column + across, 0), columns - 1)]);
  }

  /* The cell under the pointer, and the part of the picture that can influence it. */
  hover(cell) {
    if (!this.maps?.distribution) return;
    if (this.painted && this.from && cell && String(cell) !== String(this.cell)) this.dab(cell);
    this.cell = cell;
    const { rows, columns, field } = this.data;
    if (this.dragging && !this.painted && cell) cell = boxOf(this.from, cell);
    else if (cell) cell = boxOf(cell, cell);
    square(this.find(".hover"), cell && cellsToPixels(cell, rows, columns));
    if (!cell || this.from) return square(this.find(".field"), null);
    const y = ((cell[0] + 0.5) * SQUARE) / rows;
    const x = ((cell[1] + 0.5) * SQUARE) / columns;
    const edges = [y - field / 2, x - field / 2, y + field / 2, x + field / 2].map((v) => Math.min(Math.max(v, 1), SQUARE - 1));
    square(this.find(".field"), edges);
    this.canvas.title =
      `row ${cell[0] + 1}, column ${cell[1] + 1}` +
      (field >= 2 * SQUARE ? "; the whole picture can influence it, most of all what is near" : "; dashed: what can influence it");
  }

  /* A box of cells [row, column, row, column], both ends included, or null. */
  choose(box) {
    this.box = box;
    const { rows, columns } = this.data;
    square(this.find(".chosen"), box && cellsToPixels(box, rows, columns));
    this.find(".place").hidden = !box;
    if (box) {
      const shares = this.maps.distribution.map((map) => {
        let sum = 0;
        for (let r = box[0]; r <= box[2]; r++) for (let c = box[1]; c <= box[3]; c++) sum += map[r * columns + c];
        return sum;
      });
      const most = shares.indexOf(Math.max(...shares));
      const uniform = ((box[2] - box[0] + 1) * (box[3] - box[1] + 1)) / (rows * columns);
      const where =
        box[0] === box[2] && box[1] === box[3]
          ? `row ${box[0] + 1}, column ${box[1] + 1}`
          : `rows ${box[0] + 1} to ${box[2] + 1}, columns ${box[1] + 1} to ${box[3] + 1}`;
      this.find(".where").textContent =
        `Here (${where}) “${this.words[most].word}” looked most: ${number(shares[most] / uniform)} × uniform.`;
      this.chips.forEach((chip, t) => chip.style.setProperty("--share", shares[most] > 0 ? shares[t] / shares[most] : 0));
    } else {
      this.chips.forEach((chip) => chip.style.removeProperty("--share"));
    }
    this.later("box", box && { id: this.data.id, rows: [box[0], box[2]], columns: [box[1], box[3]] }, 0);
  }

  /* ---- Looks ---- */

  look(change, following = false) {
    this.view = { ...this.view, ...change };
    if (!following) for (const other of this.others()) other.look(change, true);
    this.recompute();
    this.show();
    this.draw();
    this.redrawStrip();
    this.later("view", this.view, 250);
    this.laterAddress();
  }

  recompute() {
    const maps = this.maps[this.view.show];
    this.before = null;
    if (!maps || !maps.length) return (this.shown = []);
    const { rows, columns, constants } = this.data;
    const { levels, top, glimpses } = scaled(maps, rows, columns, this.view, constants);
    this.shown = levels;
    const shared = this.view.scale === "shared" && !glimpses;
    this.find(".low").textContent = shared ? "0" : "least";
    this.find(".high").textContent = shared ? `${number(top)} × uniform` : "most";
    this.find(".legend").hidden = this.view.style === "contour";
    this.find(".scales").hidden = glimpses;
    const stops = [0, 0.25, 0.5, 0.75, 1].map((m) => {
      const at = 3 * Math.round(255 * m);
      const grey = Math.round(255 * m);
      return this.view.style === "paper" ? `rgb(${grey} ${grey} ${grey})` : `rgb(${this.colours.slice(at, at + 3).join(" ")})`;
    });
    this.find(".ramp").style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  }

  /* Everything but the pixels. */
  show() {
    const word = this.words[this.step];
    this.root.dataset.step = this.step;
    this.chips.forEach((chip, t) => {
      chip.setAttribute("aria-checked", t === this.step);
      chip.tabIndex = t === this.step ? 0 : -1;
    });
    const said = word ? (this.view.show === "distribution" ? word.distribution_text : word.text) : "The model wrote nothing.";
    this.tiles.forEach((tile, t) => {
      const text = this.view.show === "distribution" ? this.words[t].distribution_text : this.words[t].text;
      tile.setAttribute("aria-current", t === this.step);
      tile.setAttribute("aria-label", `${this.words[t].word}: ${text}`);
    });
    this.frames(word?.frames ?? []);
    const scrub = this.find(".scrub");
    scrub.value = this.step;
    scrub.setAttribute("aria-valuetext", word ? word.word : "");
    this.find(".count").textContent = word ? `${this.step + 1} / ${this.words.length}` : "";
    this.find(".said").textContent = word && this.maps.distribution ? `“${word.word}” ${said}.` : word ? `“${word.word}”` : said;
    this.find(".numbers").textContent = word ? word.numbers : "";
    this.canvas.setAttribute("aria-label", word ? `${this.data.alt}. ${word.word}: ${said}` : this.data.alt);
    if (!this.playing) this.find(".live").textContent = word ? `${word.word}: ${said}` : said;
    for (const group of this.root.querySelectorAll(".choice")) {
      for (const button of group.children) {
        const chosen = button.value === this.view[group.dataset.option];
        button.setAttribute("aria-checked", chosen);
        button.tabIndex = chosen ? 0 : -1;
      }
    }
    this.find(".sigma").value = this.view.sigma;
    this.find(".sigma-value").textContent = `${this.view.sigma} px`;
    this.find(".strength").value = this.view.strength;
    this.find(".strength-value").textContent = `${Math.round(100 * this.view.strength)} %`;
  }

  /* What is framed for this word: a dark line under a bright one, to be seen on anything. */
  frames(edges) {
    const lines = edges.flatMap(([left, top, right, bottom]) =>
      ["under", "over"].map((name) => {
        const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        rect.setAttribute("class", name);
        square(rect, [top, left, bottom, right].map((part) => part * SQUARE));
        return rect;
      }),
    );
    this.find(".frames").replaceChildren(...lines);
  }

  /* Keep word and overlay in the page's address, in place, so that walking leaves no trail of history. */
  address() {
    const { usual_start: usual, usual: look } = this.data;
    if (usual === null || usual === undefined) return;
    const url = new URL(window.location.href);
    const put = (name, value, same) => (same ? url.searchParams.delete(name) : url.searchParams.set(name, value));
    put("step", this.step + 1, this.step === usual);
    put("overlay", this.view.style, this.view.style === look.style);
    put("scale", this.view.scale, this.view.scale === look.scale);
    put("show", this.view.show, this.view.show === look.show);
    put("sigma", this.view.sigma, this.view.sigma === look.sigma);
    put("strength", this.view.strength, this.view.strength === look.strength);
    if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
  }

  draw() {
    if (!this.request) this.request = requestAnimationFrame(() => this.frame());
  }

  /* One frame; asks for another while something moves. */
  frame() {
    this.request = null;
    const now = performance.now();
    if (this.playing && now - this.wordSince >= WORD_MS / this.speed) {
      this.wordSince = now;
      if (this.step < this.words.length - 1) this.go(this.step + 1, { playing: true });
      else this.pause();
    }
    const part = this.before ? Math.min(Math.max((now - this.fadeFrom) / FADE_MS, 0), 1) : 1;
    this.compose(part);
    if (part >= 1) this.before = null;
    if (this.playing || this.before) this.draw();
  }

  compose(part) {
    if (!this.picture) return;
    const pen = this.canvas.getContext("2d");
    pen.globalCompositeOperation = "source-over";
    pen.drawImage(this.picture, 0, 0, this.canvas.width, this.canvas.height);
    let level = this.paintedLevel ?? this.shown[this.step];
    if (!level) return;
    if (part < 1 && !this.paintedLevel && this.before?.length === level.length) {
      const before = this.before;
      this.mixed = this.mixed?.length === level.length ? this.mixed : new Float32Array(level.length);
      for (let i = 0; i < level.length; i++) this.mixed[i] = before[i] + part * (level[i] - before[i]);
      level = this.mixed;
    }
    this.lay(pen, level, this.canvas.width, this.canvas.height);
  }

  /* Lay a map in 0..1 over what has been drawn. */
  lay(pen, level, width, height) {
    const cells = this.view.style === "cells";
    const across = cells ? this.data.columns : Math.round(Math.sqrt(level.length));
    const down = level.length / across;
    if (this.layer.width !== across || this.layer.height !== down || !this.image) {
      this.layer.width = across;
      this.layer.height = down;
      this.image = new ImageData(across, down);
    }
    paint(this.image.data, level, this.view, this.data.constants, this.colours);
    this.layer.getContext("2d").putImageData(this.image, 0, 0);
    pen.imageSmoothingEnabled = !cells;
    pen.imageSmoothingQuality = across > width && down > height ? "high" : "low"; // fine lines would break up
    pen.drawImage(this.layer, 0, 0, width, height);
    pen.imageSmoothingEnabled = true;
  }

  thumbnail() {
    const aspect = Math.min(Math.max(this.data.width / this.data.height, 0.2), 5);
    this.thumb.width = TILE_PIXELS;
    this.thumb.height = Math.max(1, Math.round(TILE_PIXELS / aspect));
    const pen = this.thumb.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.picture, 0, 0, this.thumb.width, this.thumb.height);
  }

  /* The strip is redrawn a tile a frame, so that sliders stay smooth. */
  redrawStrip() {
    cancelAnimationFrame(this.stripRequest);
    let t = 0;
    const next = () => {
      if (!this.picture || t >= this.tiles.length || !this.shown[t]) return;
      const canvas = this.tiles[t].querySelector("canvas");
      canvas.width = this.thumb.width;
      canvas.height = this.thumb.height;
      const pen = canvas.getContext("2d");
      pen.drawImage(this.thumb, 0, 0);
      this.lay(pen, this.shown[t], canvas.width, canvas.height);
      t += 1;
      this.stripRequest = requestAnimationFrame(next);
    };
    next();
  }
}

/* ---- Small things ---- */

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

/* Maps from base64 of little-endian float32, one Float32Array a word; null without attention. */
function floats(base64, data) {
  if (!base64) return null;
  const all = new Float32Array(bytes(base64).buffer);
  const places = data.rows * data.columns;
  return data.words.map((_, t) => all.subarray(t * places, (t + 1) * places));
}

function boxOf(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}

function cellsToPixels([top, left, bottom, right], rows, columns) {
  return [(top * SQUARE) / rows, (left * SQUARE) / columns, ((bottom + 1) * SQUARE) / rows, ((right + 1) * SQUARE) / columns];
}

function square(rect, edges) {
  rect.style.display = edges ? "" : "none";
  if (!edges) return;
  const [top, left, bottom, right] = edges;
  for (const [name, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top })) rect.setAttribute(name, value);
}

function number(value) {
  return value >= 10 ? String(Math.round(value)) : value.toFixed(1);
}
