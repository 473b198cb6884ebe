// An entry: a picture of the library as the service tells of it, in results and in listings.

import { formatNumber, say, text } from '../core/i18n.js';
import { el } from '../core/dom.js';
import { isFields } from '../core/json.js';

/** @typedef {import('../core/json.js').Fields} Fields */
/** @typedef {import('../core/json.js').Json} Json */
/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} collection
 * @property {string} pipeline
 * @property {Fields} document the caller's own
 * @property {string} version
 * @property {number | null} score 0..1; none in a listing
 * @property {number | null} distance
 * @property {string} sha256 '' in results, as are the times
 * @property {string} created
 * @property {string} updated
 */

const THREE_PLACES = { minimumFractionDigits: 3, maximumFractionDigits: 3 };
const FOUR_PLACES = 10_000;

/**
 * @param {Fields} told a match of a search, or an image of a listing
 * @returns {Entry}
 */
export function entryOf(told) {
  const words = ['id', 'collection', 'pipeline', 'version', 'sha256', 'created', 'updated'];
  const [id = '', collection = '', pipeline = '', version = '', sha256 = '', created = '', updated = ''] = words.map((word) => plain(told[word]));
  const score = typeof told.score === 'number' ? told.score : null;
  const distance = typeof told.distance === 'number' ? told.distance : null;
  return { id, collection, pipeline, document: isFields(told.document) ? told.document : {}, version, score, distance, sha256, created, updated };
}

/** @param {Json | undefined} value */
export function plain(value) {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value) : '';
}

/** @param {Entry} entry */
export function keyOf({ collection, id }) {
  return `${collection}\n${id}`;
}

/** @param {Entry} entry its kind and name, as far as it has them */
export function captionOf({ document, id }) {
  const [kind, name] = [plain(document.kind), plain(document.title) || plain(document.name)];
  const both = name.toLowerCase().startsWith(kind.toLowerCase()) ? name : `${kind}, ${name}`;
  return (kind && name ? both : kind || name) || id;
}

/** @param {Entry} entry what tells it apart from others of the same caption */
export function nameOf(entry) {
  return plain(entry.document.id) || entry.id || text('entry.untitled');
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
