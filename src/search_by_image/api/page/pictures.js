// A picture that someone gives: a file's bytes, an address, or Base64 text.

import { PageError } from './errors.js';
import { formatNumber } from './i18n.js';

/** @typedef {{kind: 'file', blob: Blob, name: string}} FilePicture */
/** @typedef {{kind: 'url', url: string, name: string}} UrlPicture */
/** @typedef {{kind: 'base64', text: string, name: string}} TextPicture */
/** @typedef {FilePicture | UrlPicture | TextPicture} Picture */

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
 * @returns {Picture}
 */
export function fromText(text) {
  const trimmed = text.trim();
  const joined = trimmed.replace(/\s+/g, '');
  if (/^data:/i.test(joined) || BASE64.test(joined)) return { kind: 'base64', text: joined, name: '' };
  return { kind: 'url', url: trimmed, name: nameInUrl(trimmed) };
}

/**
 * Several, one a line; Base64 may run over many lines.
 * @param {string} text
 */
export function manyFromText(text) {
  /** @type {string[]} */
  const pieces = [];
  for (const line of text.split(ENDS).map((part) => part.trim()).filter(Boolean)) {
    if (CONTINUED.test(line) && UNFINISHED.test(pieces.at(-1) ?? '')) pieces[pieces.length - 1] += line;
    else pieces.push(line);
  }
  return pieces.map(fromText);
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
 * Its bytes when it is ours to read, else its address for the service to fetch.
 * @param {URL} url
 * @returns {Promise<Picture>}
 */
export async function takeFrom(url) {
  if (url.origin !== location.origin) return { kind: 'url', url: url.href, name: nameInUrl(url.href) };
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) throw new PageError('error.picture', 'error.picture.remedy', { url: url.pathname });
  return { kind: 'file', blob: await response.blob(), name: nameInUrl(url.href) };
}

/**
 * What an <img> can show it by, and the way to let go of it.
 * @param {Picture} picture
 */
export function showable(picture) {
  if (picture.kind === 'file') {
    const src = URL.createObjectURL(picture.blob);
    return { src, release: () => URL.revokeObjectURL(src) };
  }
  return { src: picture.kind === 'url' ? webAddress(picture.url) : dataUrl(picture.text), release: () => {} };
}

/** @param {string} url */
function webAddress(url) {
  return /^https?:\/\//i.test(url) ? url : '';
}

/** @param {string} text */
function dataUrl(text) {
  if (/^data:image\//i.test(text)) return text;
  const bare = text.replace(/^data:[^,]*,/i, '');
  return `data:image/jpeg;base64,${bare.replace(/-/g, '+').replace(/_/g, '/')}`;
}

/**
 * Fails before anything is sent when the service would refuse it.
 * @param {Picture} picture
 * @param {number} limit bytes
 */
export async function checkSendable(picture, limit) {
  const size = sizeOf(picture);
  if (size > limit) {
    const [mine, most] = [size, limit].map((bytes) => formatNumber(bytes / MEGABYTE, ONE_PLACE));
    throw new PageError('error.toolarge', 'error.toolarge.remedy', { size: mine, limit: most });
  }
  if (picture.kind === 'file') await checkReadable(picture.blob);
}

/** @param {Picture} picture */
function sizeOf(picture) {
  if (picture.kind === 'file') return picture.blob.size;
  return picture.kind === 'base64' ? (picture.text.length * 3) / 4 : 0;
}

/** @param {Blob} blob a folder that was dropped looks like a file until it is read */
async function checkReadable(blob) {
  try {
    await blob.slice(0, 1).arrayBuffer();
  } catch {
    throw new PageError('error.file', 'error.file.remedy');
  }
}
