// An entry: a document as the service answers it, with what the service added told apart.

import { formatNumber, say, sayIn, text } from './i18n.js';
import { el } from './dom.js';
import { isFields } from './json.js';

/** @typedef {import('./json.js').Fields} Fields */
/** @typedef {import('./json.js').Json} Json */
/**
 * @typedef {object} Entry
 * @property {Fields} document the caller's own
 * @property {string} collection
 * @property {string} number the service's own id; '' in a list
 * @property {number | null} score 0..1
 * @property {number | null} distance
 */

const THREE_PLACES = { minimumFractionDigits: 3, maximumFractionDigits: 3 };
const FOUR_PLACES = 10_000;
const REMOVED_BY = ['id', 'name', 'url'];

/**
 * @param {Fields} match
 * @returns {Entry}
 */
export function entryOfMatch({ ids, score, distance, collection, ...document }) {
  return {
    document,
    collection: plain(collection),
    number: plain(ids),
    score: typeof score === 'number' ? score : null,
    distance: typeof distance === 'number' ? distance : null,
  };
}

/**
 * @param {Fields} listed
 * @returns {Entry}
 */
export function entryOfListed({ collection, ...document }) {
  return { document, collection: plain(collection), number: '', score: null, distance: null };
}

/** @param {Json | undefined} value */
export function plain(value) {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value) : '';
}

/** @param {Entry} entry its kind and name, as far as it has them */
export function captionOf({ document, number }) {
  const [kind, name] = [plain(document.kind), plain(document.name)];
  const both = name.toLowerCase().startsWith(kind.toLowerCase()) ? name : `${kind}, ${name}`;
  return (kind && name ? both : kind || name) || plain(document.id) || number;
}

/** @param {Entry} entry what tells it apart from others of the same caption */
export function nameOf(entry) {
  return plain(entry.document.id) || captionOf(entry) || text('entry.untitled');
}

/**
 * The field and value by which a document is found again.
 * @param {Fields} document
 */
export function keyOf(document) {
  const field = REMOVED_BY.find((name) => plain(document[name]));
  return field ? { field, value: document[field] ?? null } : null;
}

/** @param {Entry} entry */
export function captionNode(entry) {
  const caption = captionOf(entry);
  return caption ? el('span', {}, caption) : say(el('span'), 'entry.untitled');
}

/** @param {number} score */
export function scoreText(score) {
  return formatNumber(score, THREE_PLACES);
}

/** @param {number} distance */
export function distanceText(distance) {
  const rounded = Math.round(distance * FOUR_PLACES) / FOUR_PLACES;
  return formatNumber(rounded || 0, { maximumFractionDigits: 4 });
}

/** @param {number} score */
export function scoreBar(score) {
  const bar = el('div', { class: 'bar', 'aria-hidden': 'true' }, el('div', { class: 'bar-fill' }));
  bar.style.setProperty('--score', String(Math.min(Math.max(score, 0), 1)));
  return bar;
}

/** @param {Json | undefined} credit text, or {author, title, licence, source} */
export function creditText(credit) {
  if (!isFields(credit)) return plain(credit);
  const title = plain(credit.title) && `“${plain(credit.title)}”`;
  return [plain(credit.author), title, plain(credit.licence)].filter(Boolean).join(', ') || plain(credit.source);
}

/** @param {Json | undefined} credit where to read more: its `credits`, else its `source`; '' when neither is an address */
export function creditLink(credit) {
  if (!isFields(credit)) return '';
  const places = [plain(credit.credits), plain(credit.source)];
  return places.find((place) => /^(https?:\/\/|\/(?!\/))/i.test(place)) ?? '';
}

/** @param {Json | undefined} credit */
export function creditSource(credit) {
  return isFields(credit) ? plain(credit.source) : '';
}

/**
 * The picture in a frame that keeps its place: a calm placeholder when there is none or it is broken.
 * @param {string} src '' for none
 * @param {string} alt
 * @param {{lazy?: boolean}} [options]
 */
export function framed(src, alt, { lazy = true } = {}) {
  const frame = el('div', { class: 'frame' });
  const image = el('img', { alt, decoding: 'async', loading: lazy && 'lazy', referrerpolicy: 'no-referrer' });
  image.addEventListener('load', () => frame.classList.add('is-loaded'));
  image.addEventListener('error', () => frame.replaceChildren(missing()));
  image.src = src;
  frame.append(src ? image : missing());
  return frame;
}

function missing() {
  const note = el('span', { class: 'frame-missing', role: 'img' });
  return sayIn(sayIn(note, 'aria-label', 'entry.nopicture'), 'title', 'entry.nopicture');
}
