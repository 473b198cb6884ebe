// One import: how far it is, what failed and why, and the way to try that again.

import { el, icon } from '../core/dom.js';
import { errorNote, titleOf } from '../core/errors.js';
import { formatNumber, say, sayIn } from '../core/i18n.js';
import { cancelJob, listFailures } from './jobs-api.js';

/** @typedef {import('./jobs-api.js').Job} Job */
/** @typedef {import('./jobs-api.js').Failure} Failure */

const MINUTE = 60;
const ONE_PLACE = { maximumFractionDigits: 1 };

/** Tells `retry` with the numbers of the failed items, and `show` with the collection. */
export class JobCard extends EventTarget {
  #title = el('h3', { class: 'job-title' });
  #bar = el('progress', { class: 'job-bar', max: 1, value: 0 });
  #state = el('p', { class: 'job-state', role: 'status' });
  #counts = el('p', { class: 'job-counts' });
  #tools = el('div', { class: 'actions' });
  #failures = el('details', { class: 'failures', hidden: true });
  node = el('li', { class: 'job' }, this.#title, this.#bar, this.#state, this.#counts, this.#failures, this.#tools);
  /** @type {Job | null} */
  job = null;
  #listed = 0;

  /**
   * While the upload is on its way.
   * @param {string} collection
   * @param {number} count 0 when it is not known
   */
  prepare(collection, count) {
    this.#name(collection, count);
    this.upload(0);
  }

  /** @param {number} share */
  upload(share) {
    this.node.dataset.state = 'uploading';
    this.#bar.value = share;
    say(this.#state, 'job.uploading', { percent: Math.round(100 * share) });
  }

  /** @param {unknown} error */
  fail(error) {
    this.node.dataset.state = 'failed';
    this.#bar.hidden = true;
    this.#state.replaceChildren();
    this.#counts.replaceChildren(errorNote(error));
  }

  /** @param {Job} job */
  show(job) {
    this.job = job;
    this.node.dataset.state = job.state;
    this.#name(job.collection, job.total);
    sayIn(this.#bar, 'aria-label', 'job.progress', { collection: job.collection });
    this.#bar.value = job.progress;
    this.#bar.hidden = job.finished !== null;
    say(this.#state, `job.${job.state}`, { done: job.done, total: job.total });
    this.#counts.replaceChildren(...countsOf(job));
    this.#offerFailures(job);
    this.#tools.replaceChildren(...this.#buttons(job));
  }

  /**
   * @param {string} collection
   * @param {number} count
   */
  #name(collection, count) {
    say(this.#title, count ? 'job.title' : 'job.title.unknown', { collection, count });
    sayIn(this.#bar, 'aria-label', 'job.progress', { collection });
  }

  /** @param {Job} job */
  #buttons(job) {
    const { failed } = job.counts;
    const show = () => this.dispatchEvent(new CustomEvent('show', { detail: job.collection }));
    if (!job.finished) return [button('job.cancel', 'close', () => void cancelJob(job.id).catch(() => {}))];
    return [
      ...(job.done > failed ? [button('job.show', 'picture', show)] : []),
      ...(failed ? [button('job.retry', 'undo', () => void this.#retry(job))] : []),
    ];
  }

  /** @param {Job} job */
  async #retry(job) {
    try {
      const numbers = (await allFailures(job.id)).map(({ number }) => number);
      this.dispatchEvent(new CustomEvent('retry', { detail: numbers }));
    } catch (error) {
      this.#counts.append(errorNote(error));
    }
  }

  /** @param {Job} job */
  #offerFailures({ id, counts: { failed }, error }) {
    this.#failures.hidden = failed === 0;
    if (error) this.#counts.append(el('p', { lang: 'en' }, error.message));
    if (failed === 0 || failed === this.#listed) return;
    this.#listed = failed;
    const list = el('ul', { class: 'failure-list' });
    const wasOpen = this.#failures.open;
    this.#failures.replaceChildren(say(el('summary'), 'job.failures', { count: failed }), list);
    const fill = () => this.#failures.open && !list.childElementCount && void listInto(list, id, '');
    this.#failures.ontoggle = fill;
    if (wasOpen) fill();
  }
}

/**
 * @param {HTMLUListElement} list
 * @param {string} id
 * @param {string} cursor
 */
async function listInto(list, id, cursor) {
  try {
    const { errors, next_cursor } = await listFailures(id, cursor);
    list.append(...errors.map(failureLine));
    if (!next_cursor) return;
    const more = say(el('button', { class: 'button button-small', type: 'button' }), 'more');
    const line = el('li', {}, more);
    more.addEventListener('click', () => (line.remove(), void listInto(list, id, next_cursor)));
    list.append(line);
  } catch (error) {
    list.append(el('li', {}, errorNote(error)));
  }
}

/** @param {Failure} failure */
function failureLine({ number, id, code, message }) {
  const name = id || `#${number}`;
  return el('li', {}, el('span', { class: 'failure-name' }, name), ' ', titleOf(code, 'span'), ' ', el('span', { lang: 'en', class: 'quiet' }, message));
}

/** @param {string} id */
async function allFailures(id) {
  /** @type {Failure[]} */
  const all = [];
  /** @type {string | null} */
  let cursor = '';
  while (cursor !== null) {
    const page = /** @type {Awaited<ReturnType<typeof listFailures>>} */ (await listFailures(id, cursor));
    all.push(...page.errors);
    cursor = page.next_cursor;
  }
  return all;
}

/** @param {Job} job */
function countsOf({ counts, rate, remaining_seconds, finished, seconds }) {
  const told = /** @type {const} */ (['created', 'replaced', 'skipped', 'failed']).filter((name) => counts[name] > 0);
  const parts = told.map((name) => say(el('span', { class: `count-${name}` }), `job.count.${name}`, { count: counts[name] }));
  if (rate) parts.push(say(el('span'), 'job.rate', { rate: formatNumber(rate, ONE_PLACE) }));
  if (!finished && remaining_seconds !== null) parts.push(timeNode('job.remaining', remaining_seconds));
  if (finished) parts.push(timeNode('job.took', seconds));
  return parts;
}

/**
 * @param {'job.remaining' | 'job.took'} key
 * @param {number} seconds
 */
function timeNode(key, seconds) {
  const whole = Math.max(1, Math.round(seconds));
  const minutes = Math.round(whole / MINUTE);
  return whole < 2 * MINUTE ? say(el('span'), `${key}.seconds`, { count: whole }) : say(el('span'), `${key}.minutes`, { count: minutes });
}

/**
 * @param {import('../core/texts-en.js').Key} key
 * @param {import('../core/dom.js').IconName} picture
 * @param {() => void} onclick
 */
function button(key, picture, onclick) {
  return el('button', { class: 'button button-small', type: 'button', onclick }, icon(picture), say(el('span'), key));
}
