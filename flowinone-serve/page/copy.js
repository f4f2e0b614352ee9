// A request in other words: a command line, curl, Python, a batch line.


const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
const places = (list) => list.map(String).join(',');
const NAMES = {
  'class-to-image': 'class', 'text-to-image': 'text', 'text-in-image': 'edit', 'text-box': 'box',
  'visual-marker': 'mark', doodle: 'doodle', force: 'force', trajectory: 'trajectory',
};

/** @param {any} made @param {string} base the server's address */
export function commandLine(made, base) {
  const words = ['flowinone', NAMES[made.task]];
  const before = [];
  const option = (name, value) => words.push(`--${name}`, value);
  const points = (list) => quoted(list.map(places).join(' '));
  if (made.name ?? (made.task === 'text-to-image' && made.text)) words.push(quoted(made.name ?? made.text));
  if (typeof made.picture === 'string') {
    before.push(`curl -o input.png ${base}api/v1/pictures/${made.picture.slice(8)}`);
    words.push('input.png');
  } else if (made.picture) option('ground', quoted(made.picture.plain));
  if (made.box) option('box', places(made.box));
  for (const mark of made.marks ?? []) {
    const [[kind, said]] = Object.entries(mark);
    if (kind === 'arrow') option(kind, places([...said.from, ...said.to]));
    else if (kind === 'scribble') option(kind, points(said.points));
    else if (kind === 'highlight') option(kind, places(said.region));
    else option(kind, places([...said.centre, said.radius ?? said.size]));
  }
  for (const { at } of made.arrows ?? []) option('arrow', places([...at.from, ...at.to]));
  for (const path of made.paths ?? []) option('path', points(path.points));
  if (made.drawings) {
    const strokes = made.drawings.flatMap((drawing) => drawing.strokes ?? []);
    before.push(`echo ${quoted(JSON.stringify(strokes))} > strokes.json`);
    option('strokes', 'strokes.json');
  }
  if (made.text && made.task === 'text-box') option('text', quoted(made.text));
  if (made.instruction) option('instruction', quoted(made.instruction));
  for (const [name, value] of Object.entries(made.settings ?? {})) {
    if (value === true) words.push(`--${name}`);
    else if (value !== false) option(name.replaceAll('_', '-'), String(value));
  }
  if (made.seed) option('seed', made.seed);
  if (made.frames) words.push('--frames', made.frames, '-o', 'picture.webp');
  else words.push('-o', 'picture.png');
  return [...before, words.join(' ')].join('\n');
}

/** @param {any} made @param {string} base */
export const curl = (made, base) => [
  "curl -H 'content-type: application/json' \\", `  -d ${quoted(JSON.stringify(made))} \\`, `  ${base}api/v1/jobs`,
].join('\n');

/** @param {any} made @param {string} base */
export function python(made, base) {
  const prompt = made.text ?? made.name ?? made.instruction ?? '';
  return [
    'import base64, json', 'from openai import OpenAI', '',
    `client = OpenAI(base_url="${base}v1", api_key="none")`,
    'answer = client.images.generate(',
    `    prompt=${JSON.stringify(prompt)},`,
    `    extra_body={"flowinone": json.loads(${JSON.stringify(JSON.stringify(made))})},`,
    ')',
    'with open("picture.png", "wb") as file:',
    '    file.write(base64.b64decode(answer.data[0].b64_json))',
  ].join('\n');
}

/** A line for \`flowinone batch\`; the picture lies beside it as input.png. @param {any} made */
export function batchLine(made) {
  const { settings: _settings, seed: _seed, frames: _frames, ...line } = made;
  if (typeof line.picture === 'string') line.picture = 'input.png';
  return JSON.stringify({ ...line, item: 0, output: 'picture' });
}

