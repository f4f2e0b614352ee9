// The stage: pointer and keys become marks. A gesture is shown while it lasts, and becomes one new
// document when it ends.

import { bounds, ground, marksOf, square, withMarks } from './doc.js';
import { drawing, simplified } from './marks.js';
import { TASKS } from './words.js';

/** @typedef {import('./doc.js').Mark} Mark */

/** Marks shorter than this share of the square are slips of the hand. */
const LEAST = 0.015;

export class Stage {
  /**
   * @param {SVGSVGElement} svg
   * @param {import('./doc.js').History} history
   * @param {{changed: () => void, say: (text: string) => void, few: string}} told
   */
  constructor(svg, history, told) {
    this.svg = svg;
    this.history = history;
    this.told = told;
    this.tool = 'select';
    this.chosen = -1;
    this.pen = 10;
    /** @type {Mark|null} a mark that is being drawn */
    this.draft = null;
    /** @type {Mark[]|null} marks while one is moved */
    this.moved = null;
    /** @type {Map<number, PointerEvent>} */
    this.pointers = new Map();
    this.penSeen = false;
    this.space = false;
    this.fit();
    const on = (name, handler) => svg.addEventListener(name, handler.bind(this));
    on('pointerdown', this.#down);
    on('pointermove', this.#move);
    on('pointerup', this.#up);
    on('pointercancel', this.#cancel);
    on('dblclick', this.#double);
    on('focusin', this.#focus);
    svg.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY * 0.0015), this.#at(event));
    }, { passive: false });
  }

  get doc() { return this.history.now; }
  get marks() { return this.moved ?? marksOf(this.doc); }

  /** The whole square. */
  fit() {
    const { x, y, side } = square(ground(this.doc));
    const edge = side * 0.02;
    this.view = { x: x - edge, y: y - edge, side: side + 2 * edge };
    this.show();
  }

  /** @param {number} factor @param {number[]} [about] */
  zoom(factor, about) {
    const { x, y, side } = this.view;
    const whole = square(ground(this.doc)).side;
    const next = Math.max(whole / 16, Math.min(whole * 3, side * factor));
    const [cx, cy] = about ?? [x + side / 2, y + side / 2];
    this.view = { x: cx - ((cx - x) * next) / side, y: cy - ((cy - y) * next) / side, side: next };
    this.show();
  }

  /** @param {number} dx @param {number} dy in pixels of the picture */
  pan(dx, dy) {
    this.view = { ...this.view, x: this.view.x + dx, y: this.view.y + dy };
    this.show();
  }

  /** Pixels of the picture for one of the screen. */
  get scale() { return this.view.side / (this.svg.clientWidth || 400); }

  /** @param {string} tool */
  use(tool) {
    this.finish();
    this.tool = tool;
    if (tool !== 'select') this.choose(-1);
    this.show();
  }

  /** @param {number} index */
  choose(index) {
    if (this.chosen === index) return;
    this.chosen = index;
    this.told.changed();
  }

  /** Draws everything anew. */
  show() {
    const picture = ground(this.doc);
    const { x, y, side } = this.view;
    const svg = this.svg;
    const focused = document.activeElement?.getAttribute?.('data-mark');
    svg.setAttribute('viewBox', `${x} ${y} ${side} ${side}`);
    svg.dataset.use = this.space ? 'hand' : this.tool;
    const href = picture.ref ? `api/v1/pictures/${picture.ref.slice(8)}` : '';
    const back = href
      ? `<image href="${href}" width="${picture.width}" height="${picture.height}"/>`
      : `<rect width="${picture.width}" height="${picture.height}" fill="${picture.plain}"/>`;
    const marks = TASKS[this.doc.task].tools.length ? [...this.marks, ...(this.draft ? [this.draft] : [])] : [];
    svg.innerHTML = back + drawing(marks, this.doc.task, picture, this.chosen, this.scale);
    if (focused !== null && focused !== undefined) {
      /** @type {SVGElement|null} */ (svg.querySelector(`[data-mark="${focused}"]`))?.focus({ preventScroll: true });
    }
  }

  /** The place of the picture under a pointer. @param {MouseEvent} event */
  #at(event) {
    const matrix = this.svg.getScreenCTM();
    if (!matrix) return [0, 0];
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    return [x, y];
  }

  /** The same, held inside the square that the model sees. @param {number[]} point */
  #inside([px, py]) {
    const { x, y, side } = square(ground(this.doc));
    const held = (value, from) => Math.max(from, Math.min(from + side, value));
    return [held(px, x), held(py, y)];
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button > 1) return;
    this.svg.focus({ preventScroll: true });
    this.svg.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    this.penSeen ||= event.pointerType === 'pen';
    if (this.pointers.size === 2) {
      this.#drop();
      return;
    }
    const at = this.#at(event);
    // A hand that rests beside a pen only moves the view.
    const palm = this.penSeen && event.pointerType === 'touch';
    if (this.tool === 'hand' || this.space || palm || event.button === 1) {
      this.gesture = { kind: 'pan', at };
      return;
    }
    const under = /** @type {Element} */ (event.target);
    const mark = Number(under.closest('[data-mark]')?.getAttribute('data-mark') ?? -1);
    const handle = under.getAttribute('data-handle');
    if (this.tool === 'eraser') {
      this.gesture = { kind: 'erase', at };
      this.#erase(event);
    } else if (handle !== null) {
      this.gesture = { kind: 'handle', at, handle: Number(handle), from: this.marks };
    } else if (this.tool === 'select') {
      this.choose(mark);
      this.gesture = mark >= 0 ? { kind: 'mark', at, from: this.marks } : { kind: 'pan', at };
    } else if (this.tool === 'path' && this.draft) {
      this.gesture = { kind: 'point', at };
    } else {
      const start = this.tool === 'pen' && this.doc.task === 'doodle' ? at : this.#inside(at);
      const kind = /** @type {any} */ (this.tool);
      this.draft = { kind, points: ['pen', 'path'].includes(kind) ? [start] : [start, start] };
      this.gesture = { kind: 'draw', at, pressures: [event.pressure], pointer: event.pointerType };
      this.show();
    }
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (this.pointers.size === 2) {
      this.#pinch(event, before);
      return;
    }
    this.pointers.set(event.pointerId, event);
    const { gesture } = this;
    if (!gesture) return;
    const at = this.#at(event);
    if (gesture.kind === 'pan') {
      this.pan(gesture.at[0] - at[0], gesture.at[1] - at[1]);
    } else if (gesture.kind === 'erase') {
      this.#erase(event);
    } else if (gesture.kind === 'draw' && this.draft) {
      this.#extend(event, at);
    } else if (gesture.kind === 'mark' || gesture.kind === 'handle') {
      this.moved = gesture.from.map((mark, i) => (i === this.chosen ? this.#shifted(mark, gesture, at, event.shiftKey) : mark));
      this.show();
    }
  }

  /** A mark moved as a whole or by one handle. */
  #shifted(mark, gesture, at, constrain) {
    const [dx, dy] = [at[0] - gesture.at[0], at[1] - gesture.at[1]];
    const free = mark.kind === 'pen' && this.doc.task === 'doodle';
    const held = (point) => (free ? point : this.#inside(point));
    const points = mark.points.map((point, i) => {
      if (gesture.kind === 'handle' && i !== gesture.handle) {
        // The edge of a circle goes with its centre.
        const follows = gesture.handle === 0 && ['circle', 'cross'].includes(mark.kind);
        return follows ? [point[0] + dx, point[1] + dy] : point;
      }
      return held([point[0] + dx, point[1] + dy]);
    });
    if (constrain && gesture.kind === 'handle' && points.length === 2) points[1] = this.#straight(mark.kind, points);
    return { ...mark, points };
  }

  /** @param {PointerEvent} event @param {number[]} at */
  #extend(event, at) {
    const draft = /** @type {Mark} */ (this.draft);
    const free = this.tool === 'pen' && this.doc.task === 'doodle';
    if (draft.kind === 'pen' || draft.kind === 'path') {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) {
        const point = this.#at(one);
        draft.points.push(free ? point : this.#inside(point));
        this.gesture.pressures.push(one.pressure);
      }
    } else {
      draft.points[1] = this.#inside(at);
      if (event.shiftKey) draft.points[1] = this.#straight(draft.kind, draft.points);
    }
    this.show();
  }

  /** With Shift: squares, and angles of 45 degrees. @param {string} kind @param {number[][]} points */
  #straight(kind, [[x1, y1], [x2, y2]]) {
    const [dx, dy] = [x2 - x1, y2 - y1];
    if (kind === 'arrow') {
      const angle = (Math.round(Math.atan2(dy, dx) / (Math.PI / 4)) * Math.PI) / 4;
      const long = Math.hypot(dx, dy);
      return this.#inside([x1 + long * Math.cos(angle), y1 + long * Math.sin(angle)]);
    }
    const side = Math.max(Math.abs(dx), Math.abs(dy));
    return this.#inside([x1 + Math.sign(dx || 1) * side, y1 + Math.sign(dy || 1) * side]);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.pointers.delete(event.pointerId);
    const { gesture } = this;
    this.gesture = undefined;
    if (!gesture) return;
    if (gesture.kind === 'draw') this.#drawn(gesture);
    else if (gesture.kind === 'point' && this.draft) {
      this.draft.points.push(this.#inside(this.#at(event)));
      this.show();
    } else if (this.moved) {
      const { moved } = this;
      this.moved = null;
      this.history.set(withMarks(this.doc, moved));
    }
  }

  #cancel(event) {
    this.pointers.delete(event.pointerId);
    this.#drop();
  }

  /** Lets go of a gesture without a trace. */
  #drop() {
    this.gesture = undefined;
    this.moved = null;
    this.draft = null;
    this.show();
  }

  /** A mark was drawn. */
  #drawn(gesture) {
    const draft = /** @type {Mark} */ (this.draft);
    const { side } = square(ground(this.doc));
    const far = Math.max(...draft.points.map(([x, y]) => Math.hypot(x - draft.points[0][0], y - draft.points[0][1])));
    if (draft.kind === 'path' && far < side * LEAST) {
      draft.points.length = 1; // a click: more points follow
      this.show();
      return;
    }
    this.draft = null;
    if (far < side * LEAST && !(draft.kind === 'pen' && this.doc.task === 'doodle')) {
      this.told.say(this.told.few);
      this.show();
      return;
    }
    const unit = side / 512;
    if (draft.kind === 'pen') {
      draft.points = simplified(draft.points, 1.5 * unit);
      const pressed = gesture.pressures.filter((pressure) => pressure > 0);
      const mean = pressed.reduce((sum, pressure) => sum + pressure, 0) / (pressed.length || 1);
      const force = gesture.pointer === 'pen' ? 2 * mean : 1; // a mouse always says one half
      const width = Math.max(3, Math.min(40, Math.round(this.pen * force * 2) / 2));
      if (this.doc.task === 'doodle' && width !== 10) draft.width = width;
    }
    if (draft.kind === 'path') draft.points = simplified(draft.points, 6 * unit);
    this.add(draft);
  }

  /** Ends a path that is drawn point by point. */
  finish() {
    const { draft } = this;
    this.draft = null;
    if (draft?.kind === 'path' && draft.points.length > 1) this.add(draft);
    else this.show();
  }

  /** @param {Mark} mark */
  add(mark) {
    const most = TASKS[this.doc.task].most ?? 64;
    const marks = [...marksOf(this.doc), mark].slice(-most);
    this.chosen = mark.kind === 'pen' ? -1 : marks.length - 1;
    this.history.set(withMarks(this.doc, marks));
  }

  /** A mark in the middle, for those who do not point. */
  addInMiddle() {
    const { x, y, side } = square(ground(this.doc));
    const at = (u, v) => [x + u * side, y + v * side];
    const kind = /** @type {any} */ (this.tool);
    const points = {
      box: [at(0.3, 0.35), at(0.7, 0.75)], highlight: [at(0.3, 0.35), at(0.7, 0.65)],
      circle: [at(0.5, 0.5), at(0.7, 0.5)], cross: [at(0.5, 0.5), at(0.6, 0.6)],
      arrow: [at(0.3, 0.5), at(0.7, 0.5)], path: [at(0.3, 0.5), at(0.5, 0.35), at(0.7, 0.5)],
      pen: [at(0.3, 0.6), at(0.5, 0.3), at(0.7, 0.6), at(0.3, 0.6)],
    }[kind];
    if (!points) return false;
    this.add({ kind, points });
    this.chosen = marksOf(this.doc).length - 1;
    this.show();
    /** @type {SVGElement|null} */ (this.svg.querySelector(`[data-mark="${this.chosen}"]`))?.focus();
    return true;
  }

  /** @param {PointerEvent} event */
  #erase(event) {
    const under = document.elementFromPoint(event.clientX, event.clientY)?.closest('[data-mark]');
    if (under && this.svg.contains(under)) this.remove(Number(under.getAttribute('data-mark')));
  }

  /** @param {number} index */
  remove(index) {
    const marks = marksOf(this.doc);
    if (!marks[index]) return;
    this.chosen = -1;
    this.history.set(withMarks(this.doc, marks.filter((_, i) => i !== index)));
  }

  /** The chosen mark with other points. @param {number[][]} points @param {string} [name] */
  place(points, name) {
    const marks = marksOf(this.doc).map((mark, i) => (i === this.chosen ? { ...mark, points } : mark));
    this.history.set(withMarks(this.doc, marks), name);
  }

  /** @param {number} dx @param {number} dy */
  nudge(dx, dy) {
    const mark = marksOf(this.doc)[this.chosen];
    if (!mark) return false;
    this.place(mark.points.map(([x, y]) => this.#inside([x + dx, y + dy])), `nudge ${this.chosen}`);
    return true;
  }

  double() {
    const mark = marksOf(this.doc)[this.chosen];
    const { side } = square(ground(this.doc));
    const off = side * 0.05;
    if (mark) this.add({ ...mark, points: mark.points.map(([x, y]) => this.#inside([x + off, y + off])) });
  }

  /** A double click ends a path, or puts a point into a chosen one. @param {MouseEvent} event */
  #double(event) {
    if (this.draft) {
      this.draft.points.pop(); // of the second click
      this.finish();
      return;
    }
    const mark = marksOf(this.doc)[this.chosen];
    if (mark?.kind !== 'path') return;
    const at = this.#at(event);
    const detour = (i) => {
      const [a, b] = [mark.points[i], mark.points[i + 1]];
      const long = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);
      return long(a, at) + long(at, b) - long(a, b);
    };
    let best = 0;
    for (let i = 1; i + 1 < mark.points.length; i += 1) if (detour(i) < detour(best)) best = i;
    this.place([...mark.points.slice(0, best + 1), at, ...mark.points.slice(best + 1)]);
  }

  /** A mark that is reached by Tab is chosen. @param {FocusEvent} event */
  #focus(event) {
    const index = /** @type {Element} */ (event.target).getAttribute('data-mark');
    if (index !== null && !this.gesture && this.tool !== 'eraser') this.choose(Number(index));
  }

  /** Two fingers move and zoom. @param {PointerEvent} event @param {PointerEvent} before */
  #pinch(event, before) {
    const [other] = [...this.pointers.values()].filter((one) => one.pointerId !== event.pointerId);
    const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const middle = (one) => this.#at(/** @type {any} */ ({
      clientX: (one.clientX + other.clientX) / 2, clientY: (one.clientY + other.clientY) / 2,
    }));
    const [from, to] = [middle(before), middle(event)];
    this.pointers.set(event.pointerId, event);
    this.pan(from[0] - to[0], from[1] - to[1]);
    if (apart(event) > 10) this.zoom(apart(before) / apart(event), from);
  }

  /** The numbers of the chosen mark, for those who write them. */
  numbers() {
    const mark = marksOf(this.doc)[this.chosen];
    if (!mark) return null;
    const corners = mark.kind === 'box' || mark.kind === 'highlight';
    return { mark, names: corners ? ['x', 'y', 'width', 'height'] : null, values: corners ? bounds(mark.points) : mark.points.flat() };
  }
}
