// Every word that the page says, and the eight tasks with their tools and examples.

/** @typedef {import('./doc.js').Mark} Mark */

/**
 * A task as the page shows it.
 * @typedef {object} Task
 * @property {string} label
 * @property {string} icon  path of a 24 x 24 drawing
 * @property {string} hint
 * @property {string} field  what its words are called in a request
 * @property {string} words  label of the words
 * @property {string[]} tools
 * @property {boolean} picture  whether it is drawn on a picture
 * @property {number} [most]  most marks
 * @property {(thing: string) => string} [say]  words about a thing that the model knows
 * @property {{text?: string, marks?: Mark[]}[]} examples  on the ready scene, 128 pixels a side
 */

const a = (thing) => (/^[aeiou]/.test(thing) ? 'an ' : 'a ') + thing;

const HOUSE = [
  [[34, 58], [64, 30], [94, 58], [86, 58], [86, 96], [42, 96], [42, 58], [34, 58]],
  [[57, 96], [57, 74], [71, 74], [71, 96]],
];
/** @param {number[][][]} lines */
const pen = (lines) => lines.map((points) => ({ kind: 'pen', points }));

/** @type {Record<string, Task>} */
export const TASKS = {
  'class-to-image': {
    label: 'Name', icon: 'M4 7V5h16v2M12 5v14m-3 0h6', picture: false, tools: [],
    hint: 'Name a thing and get a picture of it.', field: 'name', words: 'Name of a thing',
    say: (thing) => thing,
    examples: [{ text: 'castle' }, { text: 'penguin' }, { text: 'rocket' }],
  },
  'text-to-image': {
    label: 'Text', icon: 'M4 6h16M4 11h16M4 16h10', picture: false, tools: [],
    hint: 'Say what the picture shows.', field: 'text', words: 'What the picture shows',
    say: (thing) => `${thing} on yellow`,
    examples: [{ text: 'penguin on yellow' }, { text: 'rocket on blue' }, { text: 'tree on pink' }],
  },
  'text-in-image': {
    label: 'Edit', icon: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3', picture: true,
    tools: ['hand'], hint: 'Write an instruction into a picture.', field: 'instruction',
    words: 'What to do with the picture', say: (thing) => `cat to ${thing}`,
    examples: [{ text: 'remove the cat' }, { text: 'gray background' }, { text: 'cat to owl' }],
  },
  'text-box': {
    label: 'Box', icon: 'M4 5h16v14H4zM9 12h6M12 9v6', picture: true, most: 1,
    tools: ['select', 'box', 'eraser', 'hand'], hint: 'Drag a box: there it will appear.',
    field: 'text', words: 'What shall appear in the box', say: (thing) => `put ${a(thing)}`,
    examples: [
      { text: 'put an apple', marks: [{ kind: 'box', points: [[74, 52], [118, 92]] }] },
      { text: 'put a tree', marks: [{ kind: 'box', points: [[70, 44], [114, 88]] }] },
    ],
  },
  'visual-marker': {
    label: 'Mark', icon: 'M12 12m-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0M9 9l6 6m0-6l-6 6', picture: true,
    tools: ['select', 'arrow', 'circle', 'cross', 'pen', 'highlight', 'eraser', 'hand'],
    hint: 'Mark what you mean, and say what becomes of it.', field: 'instruction',
    words: 'What becomes of what is marked', say: (thing) => `to ${thing}`,
    examples: [
      { text: 'remove', marks: [{ kind: 'circle', points: [[39, 37], [66, 37]] }] },
      { text: 'make this red', marks: [{ kind: 'arrow', points: [[92, 70], [56, 46]] }] },
      { text: 'to lion', marks: [{ kind: 'cross', points: [[39, 37], [55, 53]] }] },
    ],
  },
  doodle: {
    label: 'Doodle', icon: 'M4 17c2-9 5-9 6-4s3 5 4 0 3-6 6-6', picture: true,
    tools: ['select', 'pen', 'eraser', 'hand'], hint: 'Sketch something; it becomes real.',
    field: 'instruction', words: 'Sentence below (empty: the usual one)',
    examples: [{ marks: pen(HOUSE) }],
  },
  force: {
    label: 'Push', icon: 'M4 12h13m-5-6l6 6-6 6', picture: true,
    tools: ['select', 'arrow', 'eraser', 'hand'], hint: 'Push a thing: drag an arrow from its middle.',
    field: 'instruction', words: 'Sentence below (empty: the usual one)',
    examples: [
      { marks: [{ kind: 'arrow', points: [[39, 37], [70, 41]] }] },
      { marks: [{ kind: 'arrow', points: [[39, 37], [44, 66]] }] },
    ],
  },
  trajectory: {
    label: 'Path', icon: 'M5 19C5 9 19 15 19 5M16 7l3-3 2 4', picture: true,
    tools: ['select', 'path', 'eraser', 'hand'],
    hint: 'Draw the way that a thing shall go, or click its points.',
    field: 'instruction', words: 'Sentence below (empty: the usual one)',
    examples: [
      { marks: [{ kind: 'path', points: [[39, 37], [62, 58], [92, 52]] }] },
      { marks: [{ kind: 'path', points: [[39, 37], [44, 72], [82, 92]] }] },
    ],
  },
};

/** Tools: their names, keys and drawings. @type {Record<string, [string, string, string]>} */
export const TOOLS = {
  select: ['Select and move', 'v', 'M6 4l12 8-6 1-3 6z'],
  box: ['Box', 'b', 'M5 6h14v12H5z'],
  arrow: ['Arrow', 'a', 'M5 19L18 6m-8 0h8v8'],
  circle: ['Circle', 'c', 'M12 12m-7.500 0a7.500 7.500 0 1 0 15 0a7.500 7.500 0 1 0-15 0'],
  cross: ['Cross', 'x', 'M6 6l12 12M18 6L6 18'],
  pen: ['Pen', 'p', 'M4 17c2-9 5-9 6-4s3 5 4 0 3-6 6-6'],
  path: ['Path', 't', 'M5 18C8 6 14 20 19 7M5 18m-1.500 0a1.500 1.500 0 1 0 3 0a1.500 1.500 0 1 0-3 0'],
  highlight: ['Highlight', 'l', 'M5 8h14v8H5zM5 12h14'],
  eraser: ['Eraser', 'e', 'M4 15l9-9 6 6-7 7H8zM9 10l6 6'],
  hand: ['Move the view', 'h', 'M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3'],
};

/** Drawings of other buttons. */
export const ICONS = {
  undo: 'M9 7L5 11l4 4M5 11h9a5 5 0 0 1 0 10h-2',
  redo: 'M15 7l4 4-4 4M19 11h-9a5 5 0 0 0 0 10h2',
  larger: 'M12 5v14M5 12h14',
  smaller: 'M5 12h14',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  open: 'M4 19V5h6l2 3h8v11z',
  scene: 'M4 19l6-9 4 6 2-3 4 6zM16 7m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0',
  clear: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
};

export const SAY = {
  make: 'Make it', cancel: 'Cancel', settings: 'Settings', copy: 'Copy as …',
  undo: 'Undo (Ctrl+Z)', redo: 'Redo (Ctrl+Shift+Z)', larger: 'Zoom in (+)', smaller: 'Zoom out (-)',
  fit: 'Fit (Ctrl+0)', open: 'Open a picture (I)', scene: 'The ready scene', clear: 'Remove all marks',
  empty: 'Drop, paste or open a picture', sketch: 'or sketch on an empty sheet', blank: 'Empty sheet',
  start: 'Your picture appears here.', queued: (n) => (n > 1 ? `Waiting, ${n - 1} before it` : 'Next in line'),
  step: (n, of, left) => `Step ${n}${of ? ` of ${of}` : ''}${left >= 1 ? `, about ${clock(left)} left` : ''}`,
  upscaling: (left) => `Making it larger${left >= 1 ? `, about ${clock(left)} left` : ''}`,
  starting: 'Begins …', done: 'The picture is finished', failed: 'No picture', cancelled: 'Cancelled',
  use: 'Use as input', again: 'Same again', vary: 'Other seed', restore: 'Load its settings',
  save: 'Download', motion: 'Download motion', forget: 'Delete', play: 'Play', older: 'Older ones',
  example: 'Example', offline: 'The server does not answer; trying again …', back: 'The server is back.',
  replayed: 'Settings loaded from the picture.', other: 'It was made by another model.',
  missing: 'The picture that it was made from is not here; drop that one next.',
  gone: 'The picture is no longer on the server; choose it again.', copied: 'Copied.',
  few: 'Drawn too small; draw it larger.', needs: 'Draw something first.', say: 'Write some words first.',
  signIn: 'This server wants a token.', token: 'Token', enter: 'Sign in', close: 'Close',
  seed: (n) => `seed ${n}`, points: 'Points', remove: 'Remove',
};

/** @param {number} seconds */
export function clock(seconds) {
  const whole = Math.round(seconds);
  return whole < 90 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export const KEYS = [
  ['V B A C X P T L E H', 'Tools'], ['Tab, arrows', 'Choose a mark and move it (Shift: by 10)'],
  ['Enter', 'Put a mark in the middle; numbers of the chosen mark'], ['Delete', 'Remove the chosen mark'],
  ['Ctrl+D', 'Double it'], ['Ctrl+Z, Ctrl+Shift+Z', 'Undo, redo'],
  ['Shift while drawing', 'Square, or 45 degrees'], ['[ and ]', 'Thinner and thicker pen'],
  ['+ - Ctrl+0, wheel, pinch', 'Zoom'], ['Space or H, two fingers', 'Move the view'],
  ['I, Ctrl+V, drop', 'A picture; one made here brings its settings'], ['Ctrl+Enter', 'Make it'],
  ['Shift+X', 'Cancel'], ['Escape', 'Let go'],
];
