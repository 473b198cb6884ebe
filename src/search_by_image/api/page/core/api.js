// The service's calls, all of them of `/v1`.

import { exchange } from './exchange.js';
import { isFields, writeJson } from './json.js';
import { entryOf } from '../parts/entries.js';

/** @typedef {import('./json.js').Fields} Fields */
/** @typedef {import('./json.js').Json} Json */
/** @typedef {import('../parts/entries.js').Entry} Entry */
/** @typedef {{name: string, dimension: number | null, metric: string, processors: string[], fingerprint: string, text: boolean}} PipelineInfo */
/** @typedef {{name: string, count: number}} CollectionInfo */
/** @typedef {{max_upload_bytes: number, page_size_max: number, match_score: number, document_bytes: number}} Limits */
/** @typedef {{name: string, version: string, pipelines: PipelineInfo[], collections: CollectionInfo[], default_collection: string, features: string[], limits: Limits}} Info */
/** @typedef {{path: string, count: number, types: string[], values: {value: Json, count: number}[], lowest: number | null, highest: number | null}} Field */
/** @typedef {{blob: Blob, name: string} | {url: string} | {id: string, collection: string} | {text: string}} Source */
/**
 * @typedef {object} Search
 * @property {Source} source
 * @property {string} pipeline
 * @property {string} collection '' for all
 * @property {number[] | null} box
 * @property {number | null} min
 * @property {Fields | null} filter
 * @property {string} group
 */
/** @typedef {{offset: number, limit: number}} Part */
/** @typedef {{matches: Entry[], best: number | null, milliseconds: number}} Answer */
/** @typedef {{collection: string, filter: Fields | null, order: string, cursor: string, limit: number, count: boolean}} Listing */

const JSON_TYPE = 'application/json';
const PATCH_TYPE = 'application/merge-patch+json';

/** @returns {Promise<Info>} */
export async function getInfo() {
  return /** @type {Info} */ (/** @type {unknown} */ (await exchange('/v1/info')));
}

/**
 * @param {string} collection
 * @returns {Promise<Field[]>}
 */
export async function getFields(collection) {
  const answer = await exchange(`${collectionPath(collection)}/fields`);
  return /** @type {Field[]} */ (/** @type {unknown} */ (answer.fields));
}

/**
 * @param {Search} search
 * @param {Part} part
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function search(search, part, signal) {
  const path = search.collection ? `${collectionPath(search.collection)}/search` : '/v1/search';
  const answer = await exchange(path, { method: 'POST', signal, ...searchBody(search, part) });
  const best = typeof answer.best_score === 'number' ? answer.best_score : null;
  return { matches: entriesIn(answer.matches), best, milliseconds: sum(answer.timing) };
}

/**
 * @param {Search} search
 * @param {Part} part
 */
function searchBody({ source, pipeline, box, min, filter, group }, part) {
  const wanted = without({ pipeline, box, min_score: min, filter, group_by: group, ...part });
  if (!('blob' in source)) return json(JSON_TYPE, { ...('text' in source ? source : { image: { ...source } }), ...wanted });
  const form = new FormData();
  form.append('file', source.blob, source.name || 'picture');
  for (const [name, value] of Object.entries(wanted)) form.append(name, typeof value === 'string' ? value : writeJson(value));
  return { body: form };
}

/**
 * @param {Listing} listing
 * @param {AbortSignal} signal
 * @returns {Promise<{entries: Entry[], cursor: string, count: number | null}>}
 */
export async function list({ collection, filter, order, cursor, limit, count }, signal) {
  const query = new URLSearchParams({ order, limit: String(limit) });
  if (filter) query.set('filter', writeJson(filter));
  if (cursor) query.set('cursor', cursor);
  if (count) query.set('count', 'true');
  const page = await exchange(`${collectionPath(collection)}/images?${query}`, { signal });
  const counted = typeof page.count === 'number' ? page.count : null;
  return { entries: entriesIn(page.images), cursor: String(page.next_cursor ?? ''), count: counted };
}

/**
 * @param {{collection: string, id: string}} place
 * @returns {Promise<Entry>}
 */
export async function getImage(place) {
  return entryOf(await exchange(imagePath(place)));
}

/**
 * @param {Entry} entry as it was read
 * @param {Fields} patch
 * @returns {Promise<Entry>}
 */
export async function patchImage(entry, patch) {
  const sent = json(PATCH_TYPE, patch);
  const headers = { ...sent.headers, 'If-Match': `"${entry.version}"` };
  return entryOf(await exchange(imagePath(entry), { method: 'PATCH', ...sent, headers }));
}

/**
 * @param {Entry} entry
 * @param {{keepalive?: boolean}} [options] keepalive: also while the page is left
 */
export async function deleteImage(entry, { keepalive = false } = {}) {
  await exchange(imagePath(entry), { method: 'DELETE', keepalive });
}

/** @param {string} collection */
export function collectionPath(collection) {
  return `/v1/collections/${encodeURIComponent(collection)}`;
}

/** @param {{collection: string, id: string}} place */
function imagePath({ collection, id }) {
  return `${collectionPath(collection)}/images/${encodeURIComponent(id)}`;
}

/**
 * @param {string} type
 * @param {Fields} value
 */
function json(type, value) {
  return { body: writeJson(value), headers: { 'Content-Type': type } };
}

/**
 * @param {Record<string, Json | undefined>} values
 * @returns {Fields}
 */
function without(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return /** @type {Fields} */ (Object.fromEntries(given));
}

/** @param {Json | undefined} value */
function entriesIn(value) {
  return Array.isArray(value) ? value.filter(isFields).map(entryOf) : [];
}

/** @param {Json | undefined} timing */
function sum(timing) {
  const parts = isFields(timing) ? Object.values(timing) : [];
  return parts.reduce((/** @type {number} */ total, part) => total + Number(part), 0);
}
