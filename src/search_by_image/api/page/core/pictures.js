// A picture that someone gives: a file's bytes, an address, or one of the library.

import { PageError } from './errors.js';
import { formatNumber } from './i18n.js';

/** @typedef {{kind: 'file', blob: Blob, name: string}} FilePicture */
/** @typedef {{kind: 'url', url: string, name: string}} UrlPicture */
/** @typedef {{kind: 'stored', id: string, collection: string, pipeline: string, url: string, name: string}} StoredPicture `url` '' where it cannot be seen */
/** @typedef {FilePicture | UrlPicture | StoredPicture} Picture */
/** @typedef {import('./api.js').Source} Source */

const EXTENSIONS = /\.(avif|bmp|gif|heic|heif|jfif|jpe?g|png|tiff?|webp)$/i;
const ENDS = /[\r\n]+|\s+(?=data:|[a-z][a-z0-9+.-]*:\/\/)/i;
const UNFINISHED = /^(data:.*[^=]|[A-Za-z0-9+/_-]+)$/i;
const CONTINUED = /^[A-Za-z0-9+/_-]+={0,2}$/;
const BASE64 = /^[A-Za-z0-9+/_-]{64,}={0,2}$/;
const MEGABYTE = 2 ** 20;
const ONE_PLACE = { maximumFractionDigits: 1 };

/** @param {File} file */
export function looksLikePicture(file) {
  return file.type.startsWith('image/') || EXTENSIONS.test(file.name);
}

/**
 * @param {File} file
 * @param {string} [name]
 * @returns {FilePicture}
 */
export function fromFile(file, name = file.name) {
  return { kind: 'file', blob: file, name };
}

/**
 * @param {string} text an address or Base64
 * @returns {FilePicture | UrlPicture}
 */
export function fromText(text) {
  const trimmed = text.trim();
  const joined = trimmed.replace(/\s+/g, '');
  if (/^data:/i.test(joined) || BASE64.test(joined)) return { kind: 'file', blob: decoded(joined), name: '' };
  return { kind: 'url', url: trimmed, name: nameInUrl(trimmed) };
}

/**
 * Several, one a line; Base64 may run over many lines.
 * @param {string} text
 */
export function piecesOf(text) {
  /** @type {string[]} */
  const pieces = [];
  for (const line of text.split(ENDS).map((part) => part.trim()).filter(Boolean)) {
    if (CONTINUED.test(line) && UNFINISHED.test(pieces.at(-1) ?? '')) pieces[pieces.length - 1] += line;
    else pieces.push(line);
  }
  return pieces;
}

/** @param {string} text Base64, also in its form for addresses, after a `data:` prefix or without */
function decoded(text) {
  const bare = text.replace(/^data:[^,]*,/i, '').replace(/-/g, '+').replace(/_/g, '/');
  try {
    return new Blob([Uint8Array.from(atob(bare), (character) => character.charCodeAt(0))]);
  } catch {
    throw new PageError('error.base64', 'error.base64.remedy');
  }
}

/** @param {string} text */
export function looksLikePictureText(text) {
  const joined = text.trim().replace(/\s+/g, '');
  return /^(data:image\/|https?:\/\/)/i.test(joined) || BASE64.test(joined);
}

/** @param {string} url */
export function nameInUrl(url) {
  try {
    const last = new URL(url, location.origin).pathname.split('/').filter(Boolean).pop();
    return decodeURIComponent(last ?? '');
  } catch {
    return '';
  }
}

/**
 * The address at which a document says its picture can be seen; null unless it is a web address.
 * @param {import('./json.js').Fields} document
 */
export function pictureUrl(document) {
  if (typeof document.url !== 'string' || !document.url.trim()) return null;
  try {
    const url = new URL(document.url, location.origin);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
  } catch {
    return null;
  }
}

/**
 * What the service is asked with. A part of a stored picture, and another pipeline, need the picture itself.
 * @param {Picture} picture
 * @param {{box: number[] | null, pipeline: string}} search
 * @returns {Promise<Source>}
 */
export async function sourceOf(picture, { box, pipeline }) {
  if (picture.kind === 'file') return { blob: picture.blob, name: picture.name };
  const itself = picture.kind !== 'stored' || (picture.url && (box || pipeline !== picture.pipeline));
  if (picture.kind === 'stored' && !itself) return { id: picture.id, collection: picture.collection };
  const url = pictureUrl({ url: picture.url });
  return url?.origin === location.origin ? { blob: await bytesAt(url), name: picture.name } : { url: picture.url };
}

/** @param {URL} url of our own, which the service need not fetch from itself */
async function bytesAt(url) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) throw new PageError('error.picture', 'error.picture.remedy', { url: url.pathname });
  return response.blob();
}

/**
 * What an <img> can show it by, '' for nothing, and the way to let go of it.
 * @param {Picture} picture
 */
export function showable(picture) {
  if (picture.kind === 'file') {
    const src = URL.createObjectURL(picture.blob);
    return { src, release: () => URL.revokeObjectURL(src) };
  }
  return { src: pictureUrl({ url: picture.url })?.href ?? '', release: () => {} };
}

/**
 * Fails before anything is sent when the service would refuse it.
 * @param {FilePicture} picture
 * @param {number} limit bytes
 */
export async function checkSendable(picture, limit) {
  if (picture.blob.size > limit) {
    const [mine, most] = [picture.blob.size, limit].map((bytes) => formatNumber(bytes / MEGABYTE, ONE_PLACE));
    throw new PageError('error.toolarge', 'error.toolarge.remedy', { size: mine ?? '', limit: most ?? '' });
  }
  await checkReadable(picture.blob);
}

/** @param {Blob} blob a folder that was dropped looks like a file until it is read */
async function checkReadable(blob) {
  try {
    await blob.slice(0, 1).arrayBuffer();
  } catch {
    throw new PageError('error.file', 'error.file.remedy');
  }
}
