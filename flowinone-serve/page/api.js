// The server: requests, events, signing in.

/** @typedef {{id: string, task: string, state: string, created: number, finished: number|null,
 *   position: number|null, step: number|null, steps: number|null, share: number|null,
 *   upscaled: number|null, seconds_left: number|null, width: number|null, frames: number|null,
 *   error: {code: string, message: string}|null, request: any, links: Record<string, string>}} Job */

/** @param {string} id @returns {any} */
export const $ = (id) => document.getElementById(id);

export class Refused extends Error {
  /** @param {number} status @param {any} error */
  constructor(status, error) {
    super(error?.message ?? `status ${status}`);
    this.status = status;
    this.code = error?.code ?? '';
  }
}

/** What is done when a token is wanted; it resolves when there is one. */
let signIn = async () => {};
/** @param {() => Promise<void>} how */
export const onSignIn = (how) => { signIn = how; };

/** @param {string} path @param {RequestInit} [init] @returns {Promise<any>} */
export async function ask(path, init = {}) {
  const answer = await fetch(path, init);
  if (answer.status === 401 && path !== 'login') {
    await signIn();
    return ask(path, init);
  }
  const kind = answer.headers.get('content-type') ?? '';
  const body = kind.startsWith('application/json') ? await answer.json() : await answer.blob();
  if (!answer.ok) throw new Refused(answer.status, body.error);
  return body;
}

/** @param {string} path @param {unknown} body */
export const post = (path, body) => ask(path, {
  method: 'POST',
  ...(body instanceof Blob
    ? { body, headers: { 'content-type': 'application/octet-stream' } }
    : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
});

/** @param {string} path */
export const drop = (path) => ask(path, { method: 'DELETE' });

/** All events of the server as long as the page is seen: one stream a tab.
 * @param {(name: string, data: any) => void} hear @param {(open: boolean) => void} state */
export function listen(hear, state) {
  /** @type {EventSource|null} */
  let source = null;
  const names = ['snapshot', 'queued', 'started', 'step', 'preview', 'upscaling', 'done', 'failed', 'cancelled', 'forgotten'];
  let again = 0;
  const open = () => {
    clearTimeout(again);
    source?.close();
    source = new EventSource('api/v1/events?previews=true');
    source.onopen = () => state(true);
    source.onerror = () => {
      state(false);
      source?.close();
      again = setTimeout(open, 1000); // the browser gives up for good after some errors
    };
    for (const name of names) {
      source.addEventListener(name, (event) => hear(name, JSON.parse(/** @type {MessageEvent} */ (event).data)));
    }
  };
  document.addEventListener('visibilitychange', () => {
    clearTimeout(again);
    if (document.hidden) source?.close();
    else open();
  });
  open();
}
