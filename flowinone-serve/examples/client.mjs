// A job of the server's own API from JavaScript, with its events; nothing to install.
//
//     node flowinone-serve/examples/client.mjs [http://127.0.0.1:7860]

import { writeFile } from 'node:fs/promises';

const server = (process.argv[2] ?? 'http://127.0.0.1:7860').replace(/\/$/, '');

const answer = await fetch(`${server}/api/v1/jobs`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    task: 'doodle',
    picture: { plain: '#f5f5f2' },
    drawings: [{ strokes: [{ points: [[130, 240], [256, 120], [382, 240], [382, 400], [130, 400]], closed: true }] }],
    settings: { steps: 20 },
  }),
});
const job = await answer.json();
if (!answer.ok) throw new Error(job.error.message);

const events = await fetch(`${server}/api/v1/jobs/${job.id}/events`);
for await (const bytes of events.body) {
  for (const line of new TextDecoder().decode(bytes).split('\n')) {
    if (line.startsWith('event: ')) console.log(line.slice(7));
  }
}
const picture = await fetch(`${server}/api/v1/jobs/${job.id}/picture`);
await writeFile('house.png', Buffer.from(await picture.arrayBuffer()));
console.log('house.png');
