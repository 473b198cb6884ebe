// Entries as cards, in results and in the library.

import { el } from './dom.js';
import { captionNode, captionOf, creditText, distanceText, framed, nameOf, plain, scoreBar, scoreText } from './entries.js';
import { say, sayIn } from './i18n.js';
import { pictureUrl } from './pictures.js';

/** @typedef {import('./entries.js').Entry} Entry */
/**
 * @typedef {object} CardActions
 * @property {(entry: Entry) => void} details
 * @property {(url: URL) => void} searchWith
 * @property {(entry: Entry) => void} [remove]
 */

/**
 * @param {Entry} entry
 * @param {CardActions} actions
 */
export function card(entry, actions) {
  const url = pictureUrl(entry.document);
  const picture = el('button', { class: 'card-picture', type: 'button', onclick: () => actions.details(entry) });
  sayIn(picture, 'aria-label', 'entry.details.named', { name: nameOf(entry) });
  picture.append(framed(url?.href ?? '', ''));
  const bar = entry.score === null ? null : scoreBar(entry.score);
  const words = el('div', { class: 'card-words' }, headOf(entry), tailOf(entry), distanceOf(entry), creditOf(entry));
  return el('li', { class: 'card' }, picture, bar, words, buttonsOf(entry, url, actions));
}

/** @param {Entry} entry */
function headOf(entry) {
  const score = entry.score === null ? null : el('span', { class: 'card-score' }, scoreText(entry.score));
  return el('h3', { class: 'card-head' }, captionNode(entry), score);
}

/** @param {Entry} entry */
function tailOf(entry) {
  const id = plain(entry.document.id) || entry.number;
  const parts = [id !== captionOf(entry) && id, entry.collection].filter(Boolean).map((part) => el('span', {}, part));
  return el('p', { class: 'card-tail' }, ...parts);
}

/** @param {Entry} entry */
function distanceOf({ distance }) {
  if (distance === null) return null;
  return say(el('p', { class: 'card-tail' }), 'entry.distance.short', { distance: distanceText(distance) });
}

/** @param {Entry} entry */
function creditOf(entry) {
  const credit = creditText(entry.document.credit);
  return credit ? say(el('p', { class: 'card-credit' }), 'entry.photo', { credit }) : null;
}

/**
 * @param {Entry} entry
 * @param {URL | null} url
 * @param {CardActions} actions
 */
function buttonsOf(entry, url, { searchWith, remove }) {
  const name = nameOf(entry);
  const search = url && quietButton('search.with', 'search.with.named', name, () => searchWith(url));
  const removal = remove && quietButton('entry.remove', 'entry.remove.named', name, () => remove(entry));
  removal?.classList.add('is-second');
  return search || removal ? el('div', { class: 'card-actions' }, search, removal) : null;
}

/**
 * @param {import('./texts-en.js').Key} label
 * @param {import('./texts-en.js').Key} spoken
 * @param {string} name
 * @param {() => void} onclick
 */
function quietButton(label, spoken, name, onclick) {
  const button = say(el('button', { class: 'button button-quiet', type: 'button', onclick }), label);
  return sayIn(button, 'aria-label', spoken, { name });
}

/** @param {number} count placeholders that stand where cards will be */
export function skeletons(count) {
  return Array.from({ length: count }, () =>
    el('li', { class: 'card skeleton', 'aria-hidden': 'true' }, el('div', { class: 'frame' }), el('div', { class: 'skeleton-words' })),
  );
}
