// What was picked for an import, and what of it becomes which upload.

import { isFields, readJson, writeJson } from '../core/json.js';
import { fromText, looksLikePicture, nameInUrl, piecesOf } from '../core/pictures.js';
import { zipOf } from './zip.js';

/** @typedef {import('../core/json.js').Fields} Fields */
/** @typedef {import('./gather.js').Found} Found */
/** @typedef {{path: string, blob: Blob, side: File | null}} PickedFile `side`: its document beside it */
/** @typedef {{files: PickedFile[], zips: File[], urls: string[], left: number}} Picks `left`: files that are no pictures */
/** @typedef {{kind: 'files', files: PickedFile[]} | {kind: 'zip', zip: File} | {kind: 'urls', urls: string[]}} Load */
/** @typedef {{document: Fields, prefix: string}} Extras `prefix`: where the pictures can be seen, '' for nowhere */
/** @typedef {{type: string, body: Blob}} Upload */

const MOST_FILES = 5000;
const MOST_BYTES = 2 ** 30;
const DIGITS = 6;
const LONGEST_ID = 255;
const ZIP = /\.zip$/i;
const SIDE = /\.json$/i;

/** @returns {Picks} */
export function nothingPicked() {
  return { files: [], zips: [], urls: [], left: 0 };
}

/**
 * @param {Picks} before
 * @param {Found[]} found
 * @returns {Picks}
 */
export function withFiles(before, found) {
  const sides = new Map(found.filter(({ path }) => SIDE.test(path)).map(({ path, file }) => [stem(path), file]));
  const pictures = found.filter(({ file }) => looksLikePicture(file));
  const files = pictures.map(({ path, file }) => ({ path, blob: file, side: sides.get(stem(path)) ?? null }));
  const zips = found.filter(({ path }) => ZIP.test(path)).map(({ file }) => file);
  const used = files.filter(({ side }) => side).length;
  const paths = new Map([...before.files, ...files].map((one) => [one.path, one]));
  return { ...before, files: [...paths.values()], zips: [...before.zips, ...zips], left: found.length - files.length - zips.length - used };
}

/**
 * @param {Picks} before
 * @param {string} text addresses or Base64. Raises PageError.
 * @returns {Picks}
 */
export function withText(before, text) {
  const given = piecesOf(text).map(fromText);
  const urls = given.flatMap((picture) => (picture.kind === 'url' ? [picture.url] : []));
  const files = given.flatMap((picture, at) =>
    picture.kind === 'file' ? [{ path: `pasted-${Date.now()}-${at}.jpg`, blob: picture.blob, side: null }] : [],
  );
  return { ...before, urls: [...new Set([...before.urls, ...urls])], files: [...before.files, ...files], left: 0 };
}

/** @param {Picks} picks pictures that are known of; those in zip files are not */
export function countOf({ files, urls }) {
  return files.length + urls.length;
}

/** @param {Picks} picks */
export function isEmpty({ files, zips, urls }) {
  return !files.length && !zips.length && !urls.length;
}

/** @param {Picks} picks */
export function bytesPicked({ files, zips }) {
  return [...files.map(({ blob }) => blob), ...zips].reduce((sum, { size }) => sum + size, 0);
}

/**
 * One job each.
 * @param {Picks} picks
 * @returns {Load[]}
 */
export function loadsOf({ files, zips, urls }) {
  /** @type {Load[]} */
  const loads = zips.map((zip) => ({ kind: 'zip', zip }));
  if (urls.length) loads.push({ kind: 'urls', urls });
  return [...parted(files).map((part) => /** @type {Load} */ ({ kind: 'files', files: part })), ...loads];
}

/** @param {PickedFile[]} files */
function parted(files) {
  /** @type {PickedFile[][]} */
  const parts = [];
  let bytes = Infinity;
  for (const file of files) {
    if (bytes + file.blob.size > MOST_BYTES || (parts.at(-1)?.length ?? 0) >= MOST_FILES) [bytes] = [0, parts.push([])];
    bytes += file.blob.size;
    parts.at(-1)?.push(file);
  }
  return parts;
}

/**
 * @param {Load} load
 * @param {Extras} extras
 * @returns {Promise<Upload>}
 */
export async function uploadOf(load, extras) {
  if (load.kind === 'zip') return { type: 'application/zip', body: load.zip };
  if (load.kind === 'urls') {
    const lines = load.urls.map((url) => writeJson(itemOf(url, extras)));
    return { type: 'application/x-ndjson', body: new Blob([lines.join('\n')]) };
  }
  const members = await Promise.all(load.files.map((file, at) => membersOf(file, String(at + 1).padStart(DIGITS, '0'), extras)));
  return { type: 'application/zip', body: await zipOf(members.flat()) };
}

/**
 * @param {string} url
 * @param {Extras} extras
 * @returns {Fields}
 */
function itemOf(url, { document }) {
  const name = nameInUrl(url).replace(/\.\w{2,5}$/, '');
  const id = typeof document.id === 'string' ? document.id : url;
  return { ...(id.length <= LONGEST_ID && { id }), url, document: { id, ...(name && { name }), url, ...document } };
}

/**
 * @param {PickedFile} picked
 * @param {string} folder its number, so that the job's items have the order of the files
 * @param {Extras} extras
 */
async function membersOf({ path, blob, side }, folder, { document, prefix }) {
  const seen = prefix ? { url: prefix + path.split('/').map(encodeURIComponent).join('/') } : {};
  const file = path.split('/').pop() ?? path;
  const name = stem(file);
  const own = side ? await fieldsOf(side) : null;
  const text = side && !own ? side : new Blob([writeJson({ id: path, name, ...seen, ...document, ...own }, 2)]);
  return [
    { path: `${folder}/${file}`, blob },
    { path: `${folder}/${name}.json`, blob: text },
  ];
}

/** @param {File} side null: not readable, which the service tells of */
async function fieldsOf(side) {
  try {
    const value = readJson(await side.text());
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

/** @param {string} path */
function stem(path) {
  return path.replace(/\.[^./]+$/, '');
}
