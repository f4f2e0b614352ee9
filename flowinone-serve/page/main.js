// The page: the instruction on the left, the picture on the right, and what was made before.

import { $, Refused, ask, listen, onSignIn, post } from './api.js';
import { batchLine, commandLine, curl, python } from './copy.js';
import { History, empty, ground, marksOf, read, request, withMarks } from './doc.js';
import { Gallery } from './gallery.js';
import { Stage } from './stage.js';
import { ICONS, KEYS, SAY, TASKS, TOOLS } from './words.js';

const icon = (path) => `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`;

/** @param {string} text */
function toast(text) {
  const note = document.createElement('p');
  note.textContent = text;
  $('toasts').append(note);
  setTimeout(() => note.remove(), 6000);
}
/** @param {string} text */
const announce = (text) => { $('live').textContent = text; };

/** @param {unknown} error */
function failed(error) {
  const gone = error instanceof Refused && error.code === 'unknown_picture';
  const text = gone ? SAY.gone : error instanceof Refused ? error.message : SAY.offline;
  toast(text);
  announce(text);
}

/** What is kept in the browser. */
const kept = (() => {
  try { return JSON.parse(localStorage.getItem('flowinone') ?? '{}'); } catch { return {}; }
})();
const keep = (more) => {
  Object.assign(kept, more);
  try { localStorage.setItem('flowinone', JSON.stringify(kept)); } catch { /* private windows keep nothing */ }
};

/** @type {any} */
let model = { model: { classes: [] }, settings: { default: {} }, limits: {} };
const doc = kept.doc?.task in TASKS ? { ...empty(), ...kept.doc } : empty();
const history = new History(doc, () => { keep({ doc: history.now }); show(); });
const stage = new Stage($('canvas'), history, { changed: () => show(), say: toast, few: SAY.few });
const gallery = new Gallery({ toast, failed, announce, use, restore, make, keep, kept });

/** @param {any} doc @param {string} [name] */
const change = (next, name) => history.set(next, name);

// What is seen ----------------------------------------------------------------------------------

function build() {
  $('tasks').innerHTML = Object.entries(TASKS).map(([name, task]) => `<button role="radio" data-task="${name}">${icon(task.icon)}<span>${task.label}</span></button>`).join('');
  $('make').textContent = SAY.make;
  document.querySelector('#settings summary').textContent = SAY.settings;
  document.querySelector('#copy summary').textContent = SAY.copy;
  $('keys').innerHTML = `<h2 id="keys-title">Keys</h2><dl>${KEYS.map(([key, what]) => `<div><dt>${key}</dt><dd>${what}</dd></div>`).join('')}</dl><form method="dialog"><button class="main">${SAY.close}</button></form>`;
  $('login').innerHTML = `<h2 id="login-title">${SAY.signIn}</h2><form method="dialog"><label for="token">${SAY.token}</label><div class="row"><input id="token" type="password" autocomplete="current-password"><button class="main">${SAY.enter}</button></div></form>`;
}

let shownTask = '';

function show() {
  const now = history.now;
  const task = TASKS[now.task];
  if (shownTask !== now.task) {
    const tools = task.tools;
    stage.tool = tools.find((name) => !['select', 'hand', 'eraser'].includes(name)) ?? tools[0] ?? 'select';
    stage.chosen = -1;
    stage.draft = null;
    shownTask = now.task;
    stage.fit();
    showTools();
    showFields();
  }
  for (const button of $('tasks').children) {
    const on = button.dataset.task === now.task;
    button.setAttribute('aria-checked', on);
    button.tabIndex = on ? 0 : -1;
  }
  document.body.dataset.now = now.task;
  $('hint').textContent = task.hint;
  $('text-label').textContent = task.words;
  if ($('text').value !== (now.text[now.task] ?? '')) $('text').value = now.text[now.task] ?? '';
  const sentence = model.tasks?.find((one) => one.name === now.task)?.sentence;
  $('text').placeholder = sentence ?? task.examples.find((one) => one.text)?.text ?? '';
  for (const button of $('tools').querySelectorAll('[data-tool]')) {
    button.setAttribute('aria-pressed', button.dataset.tool === stage.tool);
  }
  for (const [name, list] of [['undo', history.past], ['redo', history.future]]) {
    const button = document.querySelector(`[data-do="${name}"]`);
    if (button) button.disabled = !list.length;
  }
  const bare = task.picture && !now.picture && !(now.task === 'doodle' && marksOf(now).length);
  $('empty').hidden = !bare;
  $('stage').hidden = !task.picture;
  $('tools').hidden = !task.picture;
  if (bare && !$('empty').innerHTML) {
    $('empty').innerHTML = `<p>${SAY.empty}</p><div class="row"><button class="main" data-do="open">${SAY.open.split(' (')[0]}</button><button data-do="scene">${SAY.scene}</button></div><button class="quiet" data-do="sheet">${SAY.blank}</button>`;
  }
  document.querySelector('#empty [data-do=sheet]')?.toggleAttribute('hidden', now.task !== 'doodle');
  stage.show();
  showNumbers();
  showChips();
  preview();
}

function showTools() {
  const task = TASKS[history.now.task];
  const tool = (name) => `<button data-tool="${name}" title="${TOOLS[name][0]} (${TOOLS[name][1].toUpperCase()})" aria-label="${TOOLS[name][0]}">${icon(TOOLS[name][2])}</button>`;
  const other = (name) => `<button data-do="${name}" title="${SAY[name]}" aria-label="${SAY[name]}">${icon(ICONS[name])}</button>`;
  const group = (list) => `<span>${list.join('')}</span>`;
  $('tools').innerHTML = group(task.tools.map(tool)) + group(['undo', 'redo', 'clear'].map(other))
    + group(['smaller', 'larger', 'fit'].map(other));
  $('sources').innerHTML = task.picture ? ['open', 'scene'].map(other).join('') : '';
}

/** The settings that are asked for most; the rest by a request. */
function showFields() {
  const { settings, seed, frames, task } = history.now;
  const standard = model.settings.default;
  const number = (name, label, value, placeholder, more = '') => `<label>${label}<input type="number" data-set="${name}" value="${value ?? ''}" placeholder="${placeholder ?? ''}" ${more}></label>`;
  const choice = (name, label, list) => `<label>${label}<select data-set="${name}">${list.map((one) => `<option ${(settings[name] ?? standard[name]) === one ? 'selected' : ''}>${one}</option>`).join('')}</select></label>`;
  $('fields').innerHTML = number('seed', 'Seed', seed, 0, 'min="0" step="1"')
    + number('steps', 'Steps', settings.steps, standard.steps, `min="1" max="${model.limits.steps}" step="1"`)
    + number('guidance', 'Guidance', settings.guidance, standard.guidance, 'step="0.1"')
    + number('noise', 'Noise', settings.noise, standard.noise, 'min="0" max="10" step="0.05"')
    + choice('solver', 'Solver', model.settings.solvers ?? [])
    + (['force', 'trajectory'].includes(task) ? number('frames', 'Frames (1: a still)', frames, 1, `min="1" max="${model.limits.frames}" step="1"`) : '')
    + `<label class="check"><input type="checkbox" data-set="fast" ${settings.fast ? 'checked' : ''}> Fast</label>`;
}

function showNumbers() {
  const found = stage.numbers();
  const place = $('numbers');
  place.hidden = !found;
  if (!found || place.contains(document.activeElement)) return;
  const { mark, names, values } = found;
  const round = (value) => Math.round(value * 10) / 10;
  const long = mark.points.length > 2;
  const label = (i) => names?.[i] ?? `${'xy'[i % 2]}${Math.floor(i / 2) + 1}`;
  const inputs = long
    ? `<label>${SAY.points}<input data-points value="${mark.points.map((p) => p.map(round).join(',')).join(' ')}"></label>`
    : values.map((value, i) => `<label>${label(i)}<input type="number" step="any" data-number="${i}" value="${round(value)}"></label>`).join('');
  place.innerHTML = `<b>${TOOLS[mark.kind][0]}</b>${inputs}<button data-do="remove" aria-label="${SAY.remove}" title="${SAY.remove} (Delete)">${icon(ICONS.clear)}</button>`;
}

function showChips() {
  const { task } = history.now;
  const known = model.model.classes;
  const key = task + known.length;
  if ($('chips').dataset.key === key) return;
  $('chips').dataset.key = key;
  const { examples, say } = TASKS[task];
  const ideas = examples.map((one, i) => `<button class="idea" data-example="${i}">${one.text ?? `${SAY.example} ${i + 1}`}</button>`);
  const things = say ? known.map((thing) => `<button data-thing="${thing}">${thing}</button>`) : [];
  $('chips').innerHTML = ideas.join('') + things.join('');
}

// What the model sees ------------------------------------------------------------------------------

let previewing = 0;
let seen = '';

function preview() {
  clearTimeout(previewing);
  const made = request(history.now);
  const said = JSON.stringify(made);
  $('seen').classList.toggle('old', said !== seen);
  if (!made) {
    $('seen-picture').hidden = true;
    $('warnings').replaceChildren();
    return;
  }
  if (said === seen) return;
  previewing = setTimeout(async () => {
    try {
      const { picture, warnings } = await post('api/v1/prompts?as=json', made);
      if (JSON.stringify(request(history.now)) !== said) return;
      seen = said;
      $('seen').classList.remove('old');
      $('seen-picture').src = picture;
      $('seen-picture').alt = 'The prompt as the model sees it';
      $('seen-picture').hidden = false;
      list(warnings);
    } catch (error) {
      if (error instanceof Refused) list([error.message]);
    }
  }, 250);
}

/** @param {string[]} warnings */
function list(warnings) {
  $('warnings').replaceChildren(...warnings.map((text) => {
    const line = document.createElement('li');
    line.textContent = text;
    return line;
  }));
}

// What is done -------------------------------------------------------------------------------------

/** @param {Record<string, unknown>} [other] fields of the request that differ */
async function make(other = {}) {
  stage.finish();
  const made = request(history.now);
  if (!made) {
    const { task, text } = history.now;
    const wordless = ['doodle', 'force', 'trajectory'].includes(task) || (text[task] ?? '').trim();
    toast(wordless ? SAY.needs : SAY.say);
    if (!wordless) $('text').focus();
    return;
  }
  await gallery.submit({ ...made, ...other });
}

/** A picture of a file becomes the one to draw on; one made here brings its settings.
 * @param {Blob} file @param {boolean} [plainly] */
async function open(file, plainly) {
  try {
    if (!plainly && file.type === 'image/png') {
      const found = await post('api/v1/replay', file).catch((error) => {
        if (error instanceof Refused && error.code === 'no_settings') return null;
        throw error;
      });
      if (found) {
        if (!found.same_model) toast(SAY.other);
        if (found.missing.length) toast(SAY.missing);
        await restore(found.request);
        toast(SAY.replayed);
        return;
      }
    }
    const { picture, width, height } = await post('api/v1/pictures', file);
    draw({ ref: picture, width, height });
  } catch (error) { failed(error); }
}

/** @param {import('./doc.js').Picture} picture */
function draw(picture) {
  const { now } = history;
  const task = TASKS[now.task].picture ? now.task : 'text-in-image';
  change({ ...now, task, picture });
  stage.fit();
}

/** The picture of a job becomes the one to draw on. @param {string} id */
async function use(id) {
  try {
    await open(await ask(`api/v1/jobs/${id}/picture`), true);
    $('draw').scrollIntoView({ block: 'start' });
  } catch (error) { failed(error); }
}

/** The settings of a job. @param {any} made */
async function restore(made) {
  let picture = null;
  if (typeof made.picture === 'string') {
    const sized = new Image();
    sized.src = `api/v1/pictures/${made.picture.slice(8)}`;
    try {
      await sized.decode();
      picture = { ref: made.picture, width: sized.naturalWidth, height: sized.naturalHeight };
    } catch { toast(SAY.missing); }
  } else if (made.picture) picture = { plain: made.picture.plain ?? '#f5f5f2', width: 512, height: 512 };
  const sentence = model.tasks?.find((one) => one.name === made.task)?.sentence;
  const next = read(made, history.now, picture, model.settings.default);
  if (sentence && next.text[made.task] === sentence) next.text[made.task] = '';
  stage.chosen = -1;
  change(next);
  stage.fit();
  showFields();
}

async function scene() {
  try {
    const file = await ask('page/scene.png');
    const { picture, width, height } = await post('api/v1/pictures', file);
    return { ref: picture, width, height };
  } catch (error) {
    failed(error);
    return null;
  }
}

/** @param {number} index */
async function example(index) {
  const { now } = history;
  const task = TASKS[now.task];
  const one = task.examples[index];
  const sheet = { plain: '#f5f5f2', width: 512, height: 512 };
  const picture = !task.picture ? now.picture : now.task === 'doodle' ? sheet : await scene();
  if (task.picture && !picture) return;
  const scale = (picture?.width ?? 128) / 128;
  const marks = (one.marks ?? []).map((mark) => ({ ...mark, points: mark.points.map((p) => p.map((v) => v * scale)) }));
  change({ ...withMarks(now, marks), picture, text: { ...now.text, [now.task]: one.text ?? '' } });
  stage.fit();
  await make();
}

/** What buttons do. @type {Record<string, () => unknown>} */
const DO = {
  undo: () => history.undo(), redo: () => history.redo(), larger: () => stage.zoom(0.8),
  smaller: () => stage.zoom(1.25), fit: () => stage.fit(), open: () => $('file').click(),
  scene: async () => { const picture = await scene(); if (picture) draw(picture); },
  clear: () => marksOf(history.now).length && change(withMarks(history.now, [])),
  remove: () => stage.remove(stage.chosen),
  sheet: () => draw({ plain: '#f5f5f2', width: 512, height: 512 }),
};

function wire() {
  document.addEventListener('click', (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest?.('button');
    if (!button) return;
    const { do: act, task, tool, example: idea, thing, copy } = button.dataset;
    if (act) DO[act]();
    else if (task) change({ ...history.now, task }, 'task');
    else if (tool) { stage.use(tool); show(); }
    else if (idea) example(Number(idea));
    else if (thing) {
      const { now } = history;
      change({ ...now, text: { ...now.text, [now.task]: TASKS[now.task].say(thing) } });
      if (!TASKS[now.task].picture) make();
    } else if (copy) clip(copy);
  });
  $('words').addEventListener('submit', (event) => { event.preventDefault(); make(); });
  $('text').addEventListener('input', () => {
    const { now } = history;
    change({ ...now, text: { ...now.text, [now.task]: $('text').value } }, `text ${now.task}`);
  });
  $('fields').addEventListener('change', (event) => {
    const input = /** @type {any} */ (event.target);
    const { now } = history;
    const name = input.dataset.set;
    const value = input.type === 'checkbox' ? input.checked : input.type === 'number' ? input.valueAsNumber : input.value;
    const none = value === false || Number.isNaN(value) || value === model.settings.default[name];
    if (name === 'seed' || name === 'frames') change({ ...now, [name]: none ? Number(name === 'frames') : value });
    else {
      const { [name]: _, ...rest } = now.settings;
      change({ ...now, settings: none ? rest : { ...rest, [name]: value } });
    }
  });
  $('numbers').addEventListener('change', (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const found = stage.numbers();
    if (!found) return;
    if (input.dataset.points !== undefined) {
      const points = input.value.trim().split(/\s+/).map((p) => p.split(',').map(Number));
      if (points.length > 1 && points.flat().every(Number.isFinite) && points.every((p) => p.length === 2)) stage.place(points);
      return;
    }
    const values = [...found.values];
    values[Number(input.dataset.number)] = input.valueAsNumber;
    if (!values.every(Number.isFinite)) return;
    const [a, b, c, d] = values;
    stage.place(found.names ? [[a, b], [a + c, b + d]] : [[a, b], [c, d]]);
  });
  $('tasks').addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...$('tasks').children];
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    next.focus();
    next.click();
  });
  $('file').addEventListener('change', () => { if ($('file').files[0]) open($('file').files[0]); $('file').value = ''; });
  document.addEventListener('paste', (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith('image/'));
    if (file) { event.preventDefault(); open(file); }
  });
  document.addEventListener('dragover', (event) => { event.preventDefault(); document.body.classList.add('over'); });
  document.addEventListener('dragleave', (event) => { if (!event.relatedTarget) document.body.classList.remove('over'); });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('over');
    const file = event.dataTransfer?.files[0];
    if (file) open(file);
  });
  $('copy').addEventListener('toggle', showCopies);
  $('help').onclick = () => $('keys').showModal();
  document.addEventListener('keydown', keys);
  document.addEventListener('keyup', (event) => { if (event.key === ' ') { stage.space = false; stage.show(); } });
  addEventListener('resize', () => stage.show());
}

/** @param {KeyboardEvent} event */
function keys(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const ctrl = event.ctrlKey || event.metaKey;
  if (ctrl && event.key === 'Enter') { event.preventDefault(); make(); return; }
  const typing = target.matches('input:not([type=range],[type=checkbox]), textarea, select');
  if (typing || document.querySelector('dialog[open]')) {
    if (event.key === 'Escape' && typing) target.blur();
    return; // fields have their own undo
  }
  const lower = event.key.toLowerCase();
  /** @type {Record<string, () => unknown>} */
  const control = {
    z: () => (event.shiftKey ? history.redo() : history.undo()), y: () => history.redo(),
    d: () => stage.double(), 0: () => stage.fit(),
  };
  if (ctrl) {
    if (control[lower]) { event.preventDefault(); control[lower](); }
    return;
  }
  if (event.altKey) return;
  const far = event.shiftKey ? 10 : 1;
  const arrows = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
  const tool = TASKS[history.now.task].tools.find((name) => TOOLS[name][1] === event.key);
  const onCanvas = $('canvas').contains(target);
  if (event.key === 'X' && event.shiftKey) gallery.cancel();
  else if (tool) { stage.use(tool); show(); }
  else if (arrows[event.key] && onCanvas && stage.nudge(...arrows[event.key])) event.preventDefault();
  else if (event.key === 'Delete' || event.key === 'Backspace') stage.remove(stage.chosen);
  else if (event.key === 'Escape') { stage.finish(); stage.choose(-1); show(); }
  else if (event.key === 'Enter' && onCanvas) {
    event.preventDefault();
    if (stage.draft) stage.finish();
    else if (stage.chosen >= 0) $('numbers').querySelector('input')?.focus();
    else stage.addInMiddle();
  } else if (event.key === ' ' && (onCanvas || target === document.body)) {
    event.preventDefault();
    if (!stage.space) { stage.space = true; stage.show(); }
  } else if (event.key === '[' || event.key === ']') {
    stage.pen = Math.max(3, Math.min(40, stage.pen + (event.key === ']' ? 2 : -2)));
    announce(`pen ${stage.pen}`);
  } else if (event.key === '+' || event.key === '=') stage.zoom(0.8);
  else if (event.key === '-') stage.zoom(1.25);
  else if (event.key === '?') $('keys').showModal();
  else if (lower === 'i') $('file').click();
}

const FORMS = { 'Command line': commandLine, curl, Python: python, 'Batch line': batchLine };

function showCopies() {
  $('copies').innerHTML = Object.keys(FORMS).map((name) => `<button data-copy="${name}">${name}</button>`).join('');
}

/** @param {string} name */
async function clip(name) {
  const made = request(history.now);
  if (!made) { toast(SAY.needs); return; }
  const text = FORMS[name](made, new URL('./', location.href).href);
  try {
    await navigator.clipboard.writeText(text);
    toast(SAY.copied);
  } catch {
    // Without https there is no clipboard: shown, to be copied by hand.
    const area = document.createElement('textarea');
    area.value = text;
    area.readOnly = true;
    area.setAttribute('aria-label', name);
    $('copies').querySelector('textarea')?.remove();
    $('copies').append(area);
    area.select();
  }
}

onSignIn(() => new Promise((resolve) => {
  const dialog = $('login');
  if (!dialog.open) dialog.showModal();
  dialog.addEventListener('close', async () => {
    await post('login', { token: $('token').value }).catch(() => {});
    resolve();
  }, { once: true });
}));

async function begin() {
  try {
    model = await ask('api/v1/capabilities');
  } catch (error) {
    failed(error);
    setTimeout(begin, 1000);
    return;
  }
  const { name, devices, dtype, trained } = model.model;
  $('model').textContent = `${name} · ${dtype} · ${devices.map((one) => one.split(' ')[0]).join(', ')}${trained ? '' : ' · untrained'}`;
  shownTask = '';
  seen = '';
  show();
  gallery.begin();
  let lost = false;
  listen((event, data) => gallery.hear(event, data), (there) => {
    if (there && lost) { toast(SAY.back); gallery.begin(); }
    if (!there && !lost) toast(SAY.offline);
    lost = !there;
  });
}

build();
wire();
show();
begin();
