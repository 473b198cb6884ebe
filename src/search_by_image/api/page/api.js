// The service's calls. Every failure is a PageError or a ServiceError; AbortError when the caller aborted.

import { PageError, ServiceError } from './errors.js';
import { isFields, readJson, writeJson } from './json.js';
import { askForKey } from './key-dialog.js';
import { storedKey } from './key.js';

/** @typedef {import('./json.js').Fields} Fields */
/** @typedef {import('./json.js').Json} Json */
/** @typedef {import('./pictures.js').Picture} Picture */
/** @typedef {{name: string, dimension: number | null, metric: string}} PipelineInfo */
/** @typedef {{name: string, count: number}} CollectionInfo */
/** @typedef {{max_upload_bytes: number, page_size_max: number, top_k: number}} Limits */
/** @typedef {{name: string, version: string, pipelines: PipelineInfo[], collections: CollectionInfo[], default_collection: string, limits: Limits}} Info */
/** @typedef {{pipeline: string, collection: string}} Place */
/** @typedef {{collection: string, field: string, values: Json[], size: number, page: number}} Listing */

const CALLS = '/api/SearchServer/';
const PATIENCE_MS = 120_000;
const SUCCESS = '00000';
const KEY_NEEDED = '20010';
let sent = 0;

/** @returns {Promise<Info>} */
export async function getInfo() {
  const answer = await exchange('/v1/info', {});
  if (answer.status === KEY_NEEDED) throw new ServiceError(KEY_NEEDED, String(answer.msg));
  return /** @type {Info} */ (/** @type {unknown} */ (answer));
}

/**
 * @param {Picture} picture
 * @param {Place} place
 * @param {AbortSignal} signal
 */
export async function searchBy(picture, place, signal) {
  const answer = await callWithPicture('Search', picture, { ...place }, signal);
  return fieldsIn(answer.match_images);
}

/**
 * @param {Picture} picture
 * @param {string} document JSON text
 * @param {Place} place
 */
export async function importPicture(picture, document, place) {
  const image_doc = picture.kind === 'file' ? document : readJson(document);
  await callWithPicture('Import', picture, { ...place, image_doc });
}

/**
 * @param {Listing} listing
 * @param {AbortSignal} [signal]
 */
export async function listDocuments({ collection, field, values, size, page }, signal) {
  /** @type {Fields} */
  const filter = field ? { field_name: field, field_values: values } : {};
  const answer = await callJson('GetImageDoc', { collection, ...filter, page_size: size, page_num: page }, signal);
  return fieldsIn(answer.images);
}

/**
 * @param {string} collection
 * @param {string} field
 * @param {Json} value
 */
export async function removeDocuments(collection, field, value) {
  const answer = await callJson('RemoveImageDoc', { collection, field_name: field, field_values: [value] });
  return fieldsIn(answer.images);
}

/**
 * @param {'Search' | 'Import'} verb
 * @param {Picture} picture
 * @param {Fields} body
 * @param {AbortSignal} [signal]
 */
function callWithPicture(verb, picture, body, signal) {
  if (picture.kind === 'url') return callJson(`${verb}ByUrl`, { url: picture.url, ...body }, signal);
  if (picture.kind === 'base64') return callJson(`${verb}ByBase64`, { file: picture.text, ...body }, signal);
  const form = new FormData();
  form.append('file', picture.blob, picture.name || 'picture');
  for (const [name, value] of Object.entries({ ...body, interface_seq_id: nextId() })) form.append(name, String(value));
  return call(`${verb}ByUpload`, { body: form }, signal);
}

/**
 * @param {string} name
 * @param {Fields} body
 * @param {AbortSignal} [signal]
 */
function callJson(name, body, signal) {
  const text = writeJson({ ...body, interface_seq_id: nextId() });
  return call(name, { body: text, headers: { 'Content-Type': 'application/json' } }, signal);
}

/**
 * @param {string} name
 * @param {RequestInit} request
 * @param {AbortSignal} [signal]
 */
async function call(name, request, signal) {
  const answer = await exchange(CALLS + name, { method: 'POST', ...request }, signal);
  if (answer.status !== SUCCESS) throw new ServiceError(String(answer.status), String(answer.msg ?? ''));
  return answer;
}

/**
 * Asks for a key where the service wants one, and tries again with it.
 * @param {string} path
 * @param {RequestInit} request
 * @param {AbortSignal} [signal] the caller's
 * @returns {Promise<Fields>}
 */
async function exchange(path, request, signal) {
  for (;;) {
    const key = storedKey();
    const headers = { ...request.headers, ...(key && { 'X-API-Key': key }) };
    const answer = await attempt(path, { ...request, headers }, signal);
    if (answer.status !== KEY_NEEDED || !(await askForKey(key))) return answer;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} request
 * @param {AbortSignal} [signal] the caller's
 * @returns {Promise<Fields>}
 */
async function attempt(path, request, signal) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  const give_up = () => patience.abort();
  signal?.addEventListener('abort', give_up);
  try {
    return await answerOf(await fetch(path, { ...request, signal: patience.signal }));
  } catch (error) {
    throw signal?.aborted ? new DOMException('', 'AbortError') : failureOf(error, patience.signal.aborted);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', give_up);
  }
}

/** @param {Response} response */
async function answerOf(response) {
  const answer = tryReadJson(await response.text());
  if (response.status === 401) return { status: KEY_NEEDED, msg: answer?.detail ?? '' };
  if (!response.ok) throw httpError(response, answer);
  if (!answer) throw new PageError('error.unreadable', 'error.unreadable.remedy');
  return answer;
}

/**
 * @param {Response} response
 * @param {Fields | null} answer an RFC 9457 problem, or a proxy's page
 */
function httpError(response, answer) {
  const said = typeof answer?.detail === 'string' ? answer.detail : `HTTP ${response.status} ${response.statusText}`;
  return new ServiceError(response.status === 503 || response.status === 429 ? '20008' : 'http', said);
}

/**
 * @param {unknown} error
 * @param {boolean} late
 */
function failureOf(error, late) {
  if (late) return new PageError('error.timeout', 'error.timeout.remedy');
  if (error instanceof TypeError) return new PageError('error.network', 'error.network.remedy');
  return error;
}

/**
 * @param {string} text
 * @returns {Fields | null}
 */
function tryReadJson(text) {
  try {
    const value = readJson(text);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * @param {Json | undefined} value
 * @returns {Fields[]}
 */
function fieldsIn(value) {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function nextId() {
  sent += 1;
  return `page-${Date.now()}-${sent}`;
}
