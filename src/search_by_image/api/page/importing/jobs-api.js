// The calls about import jobs.

import { keyHeader, exchange, opened, problemOf, tryReadJson } from '../core/exchange.js';
import { PageError } from '../core/errors.js';
import { collectionPath } from '../core/api.js';
import { askForKey } from '../core/key-dialog.js';
import { storedKey } from '../key.js';

/** @typedef {import('./picks.js').Upload} Upload */
/** @typedef {{created: number, replaced: number, skipped: number, failed: number}} Counts */
/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} collection
 * @property {'queued' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled'} state
 * @property {number} total
 * @property {number} done
 * @property {number} progress 0..1
 * @property {Counts} counts
 * @property {number | null} rate
 * @property {number | null} remaining_seconds
 * @property {number} seconds
 * @property {string | null} finished
 * @property {{code: string, message: string} | null} error
 */
/** @typedef {{number: number, id: string, code: string, message: string}} Failure */

const ACCEPTED = 202;
const UNAUTHENTICATED = 401;
const POLL_MS = 1000;

/** @returns {Promise<Job[]>} the latest first */
export async function listJobs() {
  const answer = await exchange('/v1/jobs?limit=10');
  return /** @type {Job[]} */ (/** @type {unknown} */ (answer.jobs));
}

/**
 * @param {string} id
 * @returns {Promise<Job>}
 */
async function getJob(id) {
  return /** @type {Job} */ (/** @type {unknown} */ (await exchange(`/v1/jobs/${id}`)));
}

/** @param {string} id */
export async function cancelJob(id) {
  await exchange(`/v1/jobs/${id}:cancel`, { method: 'POST' });
}

/**
 * @param {string} id
 * @param {string} cursor
 * @returns {Promise<{errors: Failure[], next_cursor: string | null}>}
 */
export async function listFailures(id, cursor) {
  const answer = await exchange(`/v1/jobs/${id}/errors?limit=100${cursor && `&cursor=${cursor}`}`);
  return /** @type {{errors: Failure[], next_cursor: string | null}} */ (/** @type {unknown} */ (answer));
}

/**
 * @param {string} collection
 * @param {Upload} upload
 * @param {{pipeline: string, on_duplicate: string}} options
 * @param {(share: number) => void} progress of the upload
 * @returns {Promise<Job>}
 */
export async function startJob(collection, upload, options, progress) {
  for (;;) {
    const key = storedKey();
    const request = await sent(`${collectionPath(collection)}/imports?${new URLSearchParams(options)}`, upload, progress);
    if (request.status === UNAUTHENTICATED && (await askForKey(key))) continue;
    if (request.status !== ACCEPTED) throw problemOf(request.status, request.responseText);
    return /** @type {Job} */ (/** @type {unknown} */ (tryReadJson(request.responseText)));
  }
}

/**
 * Unlike fetch, this tells how much has been sent.
 * @param {string} path
 * @param {Upload} upload
 * @param {(share: number) => void} progress
 * @returns {Promise<XMLHttpRequest>}
 */
function sent(path, { type, body }, progress) {
  const request = new XMLHttpRequest();
  request.open('POST', path);
  for (const [name, value] of Object.entries({ 'Content-Type': type, ...keyHeader() })) request.setRequestHeader(name, value);
  return new Promise((resolve, reject) => {
    request.upload.addEventListener('progress', ({ loaded, total }) => progress(total ? loaded / total : 0));
    request.addEventListener('load', () => resolve(request));
    request.addEventListener('error', () => reject(new PageError('error.network', 'error.network.remedy')));
    request.send(body);
  });
}

/**
 * The job whenever it has changed, until its end. Asks again and again where no stream of events can be had.
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Job>}
 */
export async function* followed(id, signal) {
  for (;;) {
    yield* streamed(id, signal);
    if (signal.aborted) return;
    const job = await getJob(id);
    yield job;
    if (job.finished) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Job>}
 */
async function* streamed(id, signal) {
  try {
    const response = await opened(`/v1/jobs/${id}/events`, { signal });
    if (!response.body) return;
    let rest = '';
    for await (const text of texts(response.body)) {
      const events = (rest + text).split(/\r?\n\r?\n/);
      rest = events.pop() ?? '';
      for (const event of events) yield* jobsIn(event);
    }
  } catch {
    // A stream that cannot be had, or breaks: the caller asks for the job itself.
  }
}

/** @param {ReadableStream<Uint8Array<ArrayBuffer>>} body */
async function* texts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

/** @param {string} event */
function jobsIn(event) {
  const data = event.split(/\r?\n/).filter((line) => line.startsWith('data:')).map((line) => line.slice('data:'.length)).join('\n');
  const job = tryReadJson(data);
  return job ? [/** @type {Job} */ (/** @type {unknown} */ (job))] : [];
}
