// The document: a picture, a task, marks, words, settings. It is never changed: each gesture makes
// a new one, so undo is a list. What a request says is made of it here, and a request read back.

import { TASKS } from './words.js';

/**
 * @typedef {'box'|'highlight'|'arrow'|'circle'|'cross'|'pen'|'path'} Kind
 * @typedef {{kind: Kind, points: number[][], width?: number}} Mark
 *   a box and a highlight have two corners, an arrow tail and tip, a circle and a cross their centre
 *   and a point on their edge
 * @typedef {{ref?: string, plain?: string, width: number, height: number}} Picture
 * @typedef {object} Doc
 * @property {string} task
 * @property {Picture|null} picture
 * @property {Record<string, Mark[]>} marks  by task
 * @property {Record<string, string>} text  by task
 * @property {Record<string, unknown>} settings
 * @property {number} seed
 * @property {number} frames
 */

/** Side of an empty sheet, in its own pixels. */
export const SHEET = 512;

/** @returns {Doc} */
export const empty = () => ({
  task: 'class-to-image', picture: null, marks: {}, text: {}, settings: {}, seed: 0, frames: 1,
});

/** The picture that a document is drawn on, or an empty sheet. @param {Doc} doc @returns {Picture} */
export const ground = (doc) => doc.picture ?? { plain: '#f5f5f2', width: SHEET, height: SHEET };

/** The square in the middle of a picture: all that the model sees. @param {Picture} picture */
export function square({ width, height }) {
  const side = Math.min(width, height);
  return { x: (width - side) / 2, y: (height - side) / 2, side };
}

/** @param {Doc} doc @returns {Mark[]} */
export const marksOf = (doc) => doc.marks[doc.task] ?? [];

/** @param {Doc} doc @param {Mark[]} marks @returns {Doc} */
export const withMarks = (doc, marks) => ({ ...doc, marks: { ...doc.marks, [doc.task]: marks } });

/** The history of a document: undo and redo without end. */
export class History {
  /** @param {Doc} doc @param {() => void} changed */
  constructor(doc, changed) {
    this.now = doc;
    /** @type {Doc[]} */ this.past = [];
    /** @type {Doc[]} */ this.future = [];
    this.changed = changed;
    this.last = '';
  }

  /** A change; several with one name in a row, such as letters of a word, are undone together.
   * @param {Doc} doc @param {string} [name] */
  set(doc, name = '') {
    if (!name || name !== this.last) this.past.push(this.now);
    this.last = name;
    this.now = doc;
    this.future = [];
    this.changed();
  }

  undo() { this.#move(this.past, this.future); }
  redo() { this.#move(this.future, this.past); }

  /** @param {Doc[]} from @param {Doc[]} to */
  #move(from, to) {
    const doc = from.pop();
    if (!doc) return;
    to.push(this.now);
    this.now = doc;
    this.last = '';
    this.changed();
  }
}

const round = (value) => Math.round(value * 10) / 10;
/** A place as a request says it; up to 1 a bare number would be a fraction. @param {number} value */
const place = (value) => (Math.abs(round(value)) > 1 ? round(value) : `${round(value)}px`);
/** @param {number[]} point */
const point = ([x, y]) => [place(x), place(y)];
/** @param {number[][]} corners */
export function bounds([[x1, y1], [x2, y2]]) {
  return [Math.min(x1, x2), Math.min(y1, y2), Math.abs(x2 - x1), Math.abs(y2 - y1)].map(round);
}
export const radius = ([[x1, y1], [x2, y2]]) => round(Math.hypot(x2 - x1, y2 - y1));
export const half = ([[x1, y1], [x2, y2]]) => round(Math.max(Math.abs(x2 - x1), Math.abs(y2 - y1)));

/** Marks of a marker in the order in which the command line draws them. */
const ORDER = ['highlight', 'pen', 'cross', 'circle', 'arrow'];

/** @param {Mark} mark */
function marker({ kind, points }) {
  switch (kind) {
    case 'highlight': return { highlight: { region: bounds(points).map(place) } };
    case 'pen': return { scribble: { points: points.map(point) } };
    case 'cross': return { cross: { centre: point(points[0]), size: place(2 * half(points)) } };
    case 'circle': return { circle: { centre: point(points[0]), radius: place(radius(points)) } };
    default: return { arrow: { from: point(points[0]), to: point(points[1]) } };
  }
}

/** What a document asks for, or null if something is still missing. @param {Doc} doc */
export function request(doc) {
  const task = TASKS[doc.task];
  const text = (doc.text[doc.task] ?? '').trim();
  const marks = marksOf(doc);
  /** @type {Record<string, any>} */
  const made = { task: doc.task };
  const own = ['doodle', 'force', 'trajectory'].includes(doc.task);
  if (!text && !own) return null;
  if (task.picture) {
    if (!doc.picture && doc.task !== 'doodle') return null;
    const picture = ground(doc);
    made.picture = picture.ref ?? { plain: picture.plain };
  }
  if (text) made[task.field] = text;
  if (task.tools.length > 1 && !marks.length) return null;
  switch (doc.task) {
    case 'text-box': made.box = bounds(marks[0].points).map(place); break;
    case 'visual-marker':
      made.marks = [...marks].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)).map(marker);
      break;
    case 'doodle':
      made.drawings = [{
        strokes: marks.map(({ points, width }) => ({ points: points.map(point), ...(width && { width }) })),
      }];
      break;
    case 'force': made.arrows = marks.map(({ points: [from, to] }) => ({ at: { from: point(from), to: point(to) } }));
      break;
    case 'trajectory': made.paths = marks.map(({ points }) => ({ points: points.map(point) })); break;
  }
  if (Object.keys(doc.settings).length) made.settings = doc.settings;
  if (doc.seed) made.seed = doc.seed;
  if (doc.frames > 1 && ['force', 'trajectory'].includes(doc.task)) made.frames = doc.frames;
  return made;
}

/** A place in pixels of an extent. @param {number|string} said @param {number} extent */
function pixels(said, extent) {
  const value = parseFloat(String(said));
  if (String(said).endsWith('%')) return (value / 100) * extent;
  if (String(said).endsWith('px') || Math.abs(value) >= 1) return value;
  return value * extent;
}

/** The document that a request was made of. @param {any} made @param {Doc} before
 * @param {Picture|null} picture @param {Record<string, unknown>} defaults settings of the model */
export function read(made, before, picture, defaults) {
  const task = TASKS[made.task];
  const { width, height } = picture ?? { width: SHEET, height: SHEET };
  const at = ([x, y]) => [pixels(x, width), pixels(y, height)];
  const length = (said) => pixels(said, Math.min(width, height));
  const region = ([x, y, w, h]) => {
    const [left, top] = at([x, y]);
    return [[left, top], [left + pixels(w, width), top + pixels(h, height)]];
  };
  /** @param {any} mark @returns {Mark} */
  const marked = (mark) => {
    const [[kind, said]] = Object.entries(mark);
    switch (kind) {
      case 'highlight': return { kind, points: region(said.region) };
      case 'scribble': return { kind: 'pen', points: said.points.map(at) };
      case 'arrow': return { kind, points: [at(said.from), at(said.to)] };
      default: {
        const [x, y] = at(said.centre);
        const reach = kind === 'circle' ? length(said.radius) : length(said.size) / 2;
        const edge = kind === 'circle' ? [x + reach, y] : [x + reach, y + reach];
        return { kind: kind === 'circle' ? 'circle' : 'cross', points: [[x, y], edge] };
      }
    }
  };
  /** @type {Mark[]} */
  let marks = [];
  if (made.box) marks = [{ kind: 'box', points: region(made.box) }];
  if (made.marks) marks = made.marks.map(marked);
  if (made.drawings) {
    const strokes = made.drawings.flatMap((drawing) => drawing.strokes ?? []);
    marks = strokes.map(({ points, width: own }) => ({ kind: 'pen', points: points.map(at), ...(own && { width: own }) }));
  }
  if (made.arrows) {
    marks = made.arrows.filter((arrow) => arrow.at)
      .map((arrow) => ({ kind: 'arrow', points: [at(arrow.at.from), at(arrow.at.to)] }));
  }
  if (made.paths) marks = made.paths.map((path) => ({ kind: 'path', points: path.points.map(at) }));
  const changed = Object.entries(made.settings ?? {}).filter(([name, value]) => value !== defaults[name]);
  return {
    ...before,
    task: made.task,
    picture: task.picture ? picture : before.picture,
    marks: { ...before.marks, [made.task]: marks },
    text: { ...before.text, [made.task]: made[task.field] ?? '' },
    settings: Object.fromEntries(changed),
    seed: made.seed ?? 0,
    frames: made.frames ?? 1,
  };
}
