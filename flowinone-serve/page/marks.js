// Marks as SVG: drawn with a white edge, so that they are seen on any picture, and with handles
// where they can be taken.

import { bounds, half, radius, square } from './doc.js';

/** @typedef {import('./doc.js').Mark} Mark */
/** @typedef {import('./doc.js').Picture} Picture */

const COLOURS = {
  'text-box': '#ff0000', 'visual-marker': '#ff6c48', doodle: '#111111', force: '#46e7e0', trajectory: '#1aa64d',
};
const WIDTHS = { 'text-box': 3, 'visual-marker': 3, doodle: 10, force: 5, trajectory: 4 };

const fixed = (value) => Math.round(value * 100) / 100;
const line = (points) => points.map(([x, y], i) => `${i ? 'L' : 'M'}${fixed(x)} ${fixed(y)}`).join('');

/** A smooth line through points: a Catmull-Rom curve as Bezier pieces. @param {number[][]} points */
export function smooth(points) {
  if (points.length < 3) return line(points);
  const at = (i) => points[Math.max(0, Math.min(points.length - 1, i))];
  let path = line(points.slice(0, 1));
  for (let i = 0; i + 1 < points.length; i += 1) {
    const [p, a, b, n] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    const one = [0, 1].map((k) => fixed(a[k] + (b[k] - p[k]) / 6));
    const two = [0, 1].map((k) => fixed(b[k] - (n[k] - a[k]) / 6));
    path += `C${one} ${two} ${b.map(fixed)}`;
  }
  return path;
}

/** The head of an arrow, and its shaft. @param {number[][]} points @param {number} unit */
function arrow([from, to], unit) {
  const long = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  const size = Math.min(17.5 * unit, long * 0.8);
  const along = [0, 1].map((k) => (to[k] - from[k]) / long);
  const base = [0, 1].map((k) => to[k] - along[k] * size);
  const side = [-along[1], along[0]].map((v) => (v * size * 12.5) / 17.5);
  const wing = (s) => [0, 1].map((k) => base[k] + s * side[k]);
  return { shaft: line([from, base]), head: `${line([wing(1), to, wing(-1)])}Z` };
}

/** @param {Mark} mark */
export function describe({ kind, points }) {
  const said = points.slice(0, 2).map(([x, y]) => `${Math.round(x)}, ${Math.round(y)}`).join(' to ');
  return `${kind}, ${said}${points.length > 2 ? `, ${points.length} points` : ''}`;
}

/** One mark. @param {Mark} mark @param {string} task @param {number} unit a 512th of the square */
function shape(mark, task, unit) {
  const colour = COLOURS[task] ?? '#ff6c48';
  const width = (mark.width ?? WIDTHS[task] ?? 3) * unit;
  const { kind, points } = mark;
  const stroke = (d, more = '') => {
    const common = `d="${d}" fill="none" stroke-linecap="round" stroke-linejoin="round"`;
    return `<path ${common} stroke="#fff" stroke-opacity=".85" stroke-width="${width + 2.4 * unit}"/>`
      + `<path ${common} stroke="${colour}" stroke-width="${width}" ${more}/>`;
  };
  const [x, y, w, h] = points.length > 1 ? bounds(points) : [0, 0, 0, 0];
  const rectangle = `M${x} ${y}h${w}v${h}h${-w}Z`;
  const [[cx, cy]] = points;
  switch (kind) {
    case 'box': return stroke(rectangle);
    case 'highlight': return `<path d="${rectangle}" fill="${colour}" fill-opacity=".4" stroke="#fff" stroke-width="${unit}"/>`;
    case 'circle': {
      const r = radius(points);
      return stroke(`M${cx - r} ${cy}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`);
    }
    case 'cross': {
      const s = half(points);
      return stroke(`M${cx - s} ${cy - s}L${cx + s} ${cy + s}M${cx - s} ${cy + s}L${cx + s} ${cy - s}`);
    }
    case 'arrow': {
      const { shaft, head } = arrow(points, unit);
      const dot = task === 'force' ? `<circle cx="${cx}" cy="${cy}" r="${width * 0.8}" fill="${colour}"/>` : '';
      return stroke(shaft) + `<path d="${head}" fill="${colour}" stroke="#fff" stroke-width="${unit}"/>` + dot;
    }
    case 'pen': {
      if (task !== 'doodle') return stroke(smooth(points));
      // The ribbon of the published doodles: black and white hairlines.
      const layers = [['#000', 1], ['#fff', 0.8], ['#000', 0.4], ['#fff', 0.2]];
      const d = points.length > 1 ? line(points) : `M${cx} ${cy}h.01`;
      return layers.map(([ink, share]) => `<path d="${d}" fill="none" stroke-linecap="round" stroke-linejoin="round" stroke="${ink}" stroke-width="${width * Number(share)}"/>`).join('');
    }
    default: return stroke(smooth(points));
  }
}

/** Points by which a mark can be taken. @param {Mark} mark */
export const handles = (mark) => (mark.kind === 'pen' ? [] : mark.points);

/** All that lies over the picture.
 * @param {Mark[]} marks @param {string} task @param {Picture} picture @param {number} chosen
 * @param {number} scale pixels of the picture for one of the screen */
export function drawing(marks, task, picture, chosen, scale) {
  const { x, y, side } = square(picture);
  const unit = side / 512;
  const { width, height } = picture;
  const outside = `<path class="outside" fill-rule="evenodd" d="M0 0H${width}V${height}H0ZM${x} ${y}V${y + side}H${x + side}V${y}Z"/>`;
  const one = (mark, i) => {
    const grip = mark.kind === 'pen' || mark.kind === 'path' ? smooth(mark.points) : line(mark.points);
    const wide = `<path d="${grip}" fill="none" stroke="transparent" stroke-width="${Math.max(16 * scale, 8 * unit)}" stroke-linecap="round"/>`;
    return `<g class="mark${i === chosen ? ' chosen' : ''}" data-mark="${i}" tabindex="0" role="button" aria-pressed="${i === chosen}" aria-label="${describe(mark)}">${wide}${shape(mark, task, unit)}</g>`;
  };
  const grips = chosen >= 0 && marks[chosen]
    ? handles(marks[chosen]).map(([px, py], i) => `<circle class="handle" data-handle="${i}" cx="${fixed(px)}" cy="${fixed(py)}" r="${7 * scale}"/>`).join('')
    : '';
  return outside + marks.map(one).join('') + grips;
}

/** Fewer points that keep a line within a distance (Ramer, Douglas and Peucker).
 * @param {number[][]} points @param {number} distance @returns {number[][]} */
export function simplified(points, distance) {
  if (points.length < 3) return points;
  const [a, b] = [points[0], points[points.length - 1]];
  const long = Math.hypot(b[0] - a[0], b[1] - a[1]);
  let [far, most] = [0, 0];
  for (let i = 1; i + 1 < points.length; i += 1) {
    const [px, py] = points[i];
    const off = long
      ? Math.abs((b[0] - a[0]) * (a[1] - py) - (a[0] - px) * (b[1] - a[1])) / long
      : Math.hypot(px - a[0], py - a[1]);
    if (off > most) [far, most] = [i, off];
  }
  if (most <= distance) return [a, b];
  const left = simplified(points.slice(0, far + 1), distance);
  return [...left.slice(0, -1), ...simplified(points.slice(far), distance)];
}
