// The picture that is made, and those that were made before.

import { $, ask, drop, post } from './api.js';
import { SAY, TASKS } from './words.js';

/** @typedef {import('./api.js').Job} Job */
const LISTED = 24;
const still = matchMedia('(prefers-reduced-motion: reduce)');

export class Gallery {
  /** @param {Record<string, any>} page what the page does */
  constructor(page) {
    this.page = page;
    /** @type {Map<string, Job>} */
    this.jobs = new Map();
    /** @type {string|null} the job that is shown large */
    this.shown = page.kept.shown ?? null;
    this.told = -1;
    this.over = false;
    $('waiting').textContent = SAY.start;
    $('older').textContent = SAY.older;
    $('older').onclick = () => this.more();
    $('compare').addEventListener('input', () => this.#compare());
    $('gallery').addEventListener('click', (event) => {
      const id = event.target.closest('[data-job]')?.dataset.job;
      if (id) this.choose(id);
    });
    $('actions').addEventListener('click', (event) => this.#act(event.target.closest('[data-act]')?.dataset.act));
  }

  /** Everything anew from the server. */
  async begin() {
    this.jobs.clear();
    this.over = false;
    await this.more();
    if (this.shown && !this.jobs.has(this.shown)) await this.#fetch(this.shown).catch(() => { this.shown = null; });
    this.show();
  }

  async more() {
    const last = [...this.jobs.keys()].sort()[0];
    const { jobs } = await ask(`api/v1/jobs?limit=${LISTED}${last ? `&before=${last}` : ''}`);
    this.over = jobs.length < LISTED;
    for (const job of jobs) this.jobs.set(job.id, job);
    this.list();
  }

  /** @param {any} made */
  async submit(made) {
    try {
      const job = await post('api/v1/jobs', made);
      this.jobs.set(job.id, job);
      this.choose(job.id);
      this.list();
    } catch (error) { this.page.failed(error); }
  }

  cancel() {
    const job = this.job;
    if (job && !job.finished) drop(`api/v1/jobs/${job.id}`).catch(this.page.failed);
  }

  /** @returns {Job|undefined} */
  get job() { return this.jobs.get(this.shown ?? ''); }

  /** @param {string} id */
  choose(id) {
    this.shown = id;
    this.told = -1;
    this.page.keep({ shown: id });
    $('picture').hidden = true;
    this.show();
    this.list();
  }

  async #fetch(id) {
    this.jobs.set(id, await ask(`api/v1/jobs/${id}`));
  }

  /** What the server tells. @param {string} event @param {any} data */
  async hear(event, data) {
    if (event === 'snapshot') {
      for (const job of data.jobs) this.jobs.set(job.id, job);
      // What was under way when we last heard and is no more has ended meanwhile.
      const open = new Set(data.jobs.map((job) => job.id));
      const ended = [...this.jobs.values()].filter((job) => !job.finished && !open.has(job.id));
      await Promise.all(ended.map((job) => this.#fetch(job.id).catch(() => this.jobs.delete(job.id))));
    } else if (event === 'forgotten') {
      this.jobs.delete(data.job);
    } else if (event === 'preview') {
      if (data.job === this.shown && !this.job?.finished) this.#picture(data.picture, true);
      return;
    } else if (['done', 'failed', 'cancelled'].includes(event) || !this.jobs.has(data.job)) {
      await this.#fetch(data.job).catch(() => {});
    } else {
      const job = /** @type {Job} */ (this.jobs.get(data.job));
      if (job.finished) return;
      const state = event === 'queued' ? 'queued' : 'running';
      this.jobs.set(job.id, { ...job, upscaled: null, ...data, state, position: event === 'queued' ? data.position : null });
    }
    if (data.job === this.shown || event === 'snapshot') this.show();
    if (!['step', 'queued', 'upscaling'].includes(event)) this.list();
  }

  /** @param {string} address @param {boolean} [unfinished] */
  #picture(address, unfinished) {
    const picture = $('picture');
    if (picture.getAttribute('src') !== address) picture.src = address;
    picture.hidden = false;
    picture.className = unfinished ? 'unfinished' : '';
    picture.alt = unfinished ? 'The unfinished picture' : `The picture: ${said(this.job)}`;
    $('waiting').textContent = '';
  }

  show() {
    const job = this.job;
    const running = job && !job.finished;
    $('progress').hidden = !running;
    $('before').hidden = true;
    $('compare').hidden = true;
    if (!job) {
      $('caption').textContent = '';
      $('actions').replaceChildren();
      $('picture').hidden = true;
      $('waiting').textContent = SAY.start;
      return;
    }
    let state = '';
    if (job.state === 'queued') state = SAY.queued(job.position ?? 1);
    else if (job.state === 'running' && typeof job.upscaled === 'number') state = SAY.upscaling(job.seconds_left ?? 0);
    else if (job.state === 'running') state = job.step ? SAY.step(job.step, job.steps, job.seconds_left ?? 0) : SAY.starting;
    else if (job.state === 'done') state = `${said(job)} · ${SAY.seed(job.request.seed)}`;
    else state = job.error ? `${SAY.failed}: ${job.error.message}` : SAY.cancelled;
    $('caption').textContent = state;
    $('progress').value = job.upscaled ?? job.share ?? 0;
    if (job.state === 'done') this.#finished(job);
    else if (job.finished) {
      $('picture').hidden = true;
      $('waiting').textContent = state;
    } else if ($('picture').hidden) $('waiting').textContent = state;
    this.#announce(job, state);
    this.#actions(job);
  }

  /** @param {Job} job */
  #finished(job) {
    const moving = job.links.motion && !(still.matches && this.playing !== job.id);
    this.#picture(moving ? job.links.motion : job.links.picture);
    if (typeof job.request.picture === 'string') {
      $('before').src = `api/v1/pictures/${job.request.picture.slice(8)}`;
      $('before').hidden = false;
      $('compare').hidden = false;
      this.#compare();
    }
  }

  #compare() {
    // The input lies above the picture, as far as the slider leaves it.
    $('before').style.clipPath = `inset(0 0 0 ${$('compare').value}%)`;
  }

  /** Told every tenth of the way, and at the end. @param {Job} job @param {string} state */
  #announce(job, state) {
    const tenth = job.finished ? 11 : Math.floor((job.share ?? 0) * 10);
    if (tenth === this.told) return;
    this.told = tenth;
    this.page.announce(job.state === 'done' ? SAY.done : state);
  }

  /** @param {Job} job */
  #actions(job) {
    const acts = job.finished
      ? [...(job.state === 'done' ? ['use', 'again', 'vary', 'restore', 'save'] : ['again', 'restore']),
        ...(job.links.motion ? ['motion', ...(still.matches ? ['play'] : [])] : []), 'forget']
      : ['cancel'];
    const key = `${job.id} ${acts.join()}`;
    if ($('actions').dataset.key === key) return;
    $('actions').dataset.key = key;
    $('actions').replaceChildren(...acts.map((act) => {
      if (act !== 'save' && act !== 'motion') {
        const button = document.createElement('button');
        button.dataset.act = act;
        button.textContent = SAY[act];
        return button;
      }
      const link = document.createElement('a');
      link.className = 'button';
      link.href = `${job.links[act === 'save' ? 'picture' : 'motion']}?download=true`;
      link.textContent = SAY[act];
      return link;
    }));
  }

  /** @param {string|undefined} act */
  #act(act) {
    const { job, page } = this;
    if (!act || !job) return;
    const { partial: _, ...made } = job.request;
    const acts = {
      cancel: () => this.cancel(),
      use: () => page.use(job.id),
      again: () => this.submit(made),
      vary: () => this.submit({ ...made, seed: Math.floor(Math.random() * 2 ** 32) }),
      restore: () => page.restore(job.request),
      play: () => { this.playing = job.id; this.show(); },
      forget: () => drop(`api/v1/jobs/${job.id}/picture`).catch(page.failed),
    };
    acts[act]();
  }

  list() {
    const jobs = [...this.jobs.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    $('count').textContent = jobs.length ? '' : 'Nothing yet';
    $('older').hidden = this.over || !jobs.length;
    const known = new Map([...$('gallery').children].map((item) => [item.firstElementChild.dataset.job, item]));
    $('gallery').replaceChildren(...jobs.map((job) => {
      const item = known.get(job.id) ?? document.createElement('li');
      const state = `${job.state} ${job.id === this.shown}`;
      if (item.dataset.state === state) return item;
      item.dataset.state = state;
      const button = document.createElement('button');
      button.dataset.job = job.id;
      button.setAttribute('aria-pressed', String(job.id === this.shown));
      button.setAttribute('aria-label', `${TASKS[job.task]?.label}: ${said(job)}, ${job.state}`);
      button.title = said(job);
      if (job.state === 'done') {
        const image = new Image();
        image.src = job.links.thumbnail;
        image.alt = '';
        image.loading = 'lazy';
        button.append(image);
      } else {
        button.className = job.state;
        button.textContent = { queued: '…', running: '◌', failed: '!', cancelled: '×' }[job.state] ?? '';
      }
      item.replaceChildren(button);
      return item;
    }));
  }
}

/** What a job was asked for, in its own words or its task's. @param {Job|undefined} job */
function said(job) {
  const { text, name, instruction } = job?.request ?? {};
  const { label, examples } = TASKS[job?.task ?? ''] ?? {};
  // Tasks whose examples have no words have a sentence of their own.
  return text ?? name ?? (examples?.[0].text ? instruction : label) ?? '';
}
