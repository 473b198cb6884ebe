// Entries as cards, in results and in the library.

import { el, icon } from '../core/dom.js';
import { say, sayIn } from '../core/i18n.js';
import { pictureUrl } from '../core/pictures.js';
import { captionNode, captionOf, creditText, nameOf, plain, scoreBar, scoreText } from './entries.js';
import { framed } from './frame.js';

/** @typedef {import('./entries.js').Entry} Entry */
/** @typedef {import('../core/dom.js').IconName} IconName */
/** @typedef {import('../core/texts-en.js').Key} Key */
/**
 * @typedef {object} CardActions
 * @property {(entry: Entry) => void} details
 * @property {(entry: Entry) => void} similar
 * @property {(entry: Entry) => void} remove
 * @property {(entry: Entry) => void} [compare]
 * @property {(entry: Entry, chosen: boolean, range: boolean) => void} [choose]
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
  const tile = el('div', { class: 'card-tile' }, picture, choiceOf(entry, actions), toolsOf(entry, url, actions));
  return el('li', { class: 'card' }, tile, entry.score === null ? null : scoreBar(entry.score), wordsOf(entry));
}

/** @param {Entry} entry */
function wordsOf(entry) {
  const score = entry.score === null ? null : sayIn(el('span', { class: 'card-score' }, scoreText(entry.score)), 'title', 'entry.score');
  const head = el('h3', { class: 'card-head' }, captionNode(entry), score);
  const id = plain(entry.document.id) || entry.id;
  const parts = [id !== captionOf(entry) && id, entry.collection].filter(Boolean).map((part) => el('span', {}, part));
  const credit = creditText(entry.document.credit);
  const by = credit ? say(el('p', { class: 'card-credit', title: credit }), 'entry.photo', { credit }) : null;
  return el('div', { class: 'card-words' }, head, el('p', { class: 'card-tail' }, ...parts), by);
}

/**
 * @param {Entry} entry
 * @param {CardActions} actions
 */
function choiceOf(entry, { choose }) {
  if (!choose) return null;
  const box = el('input', { type: 'checkbox', class: 'card-choice' });
  box.addEventListener('click', (event) => choose(entry, box.checked, event.shiftKey));
  return sayIn(box, 'aria-label', 'entry.choose.named', { name: nameOf(entry) });
}

/**
 * @param {Entry} entry
 * @param {URL | null} url
 * @param {CardActions} actions
 */
function toolsOf(entry, url, { similar, compare, remove }) {
  const name = nameOf(entry);
  const open = url && named(el('a', { class: 'tool', href: url.href, target: '_blank', rel: 'noopener noreferrer' }, icon('open')), 'entry.open', 'entry.open.named', name);
  return el(
    'div',
    { class: 'card-tools' },
    tool('similar', 'search.with', 'search.with.named', name, () => similar(entry)),
    compare && url && tool('compare', 'compare', 'compare.named', name, () => compare(entry)),
    open,
    tool('remove', 'entry.remove', 'entry.remove.named', name, () => remove(entry)),
  );
}

/**
 * @param {IconName} picture
 * @param {Key} label
 * @param {Key} spoken
 * @param {string} name
 * @param {() => void} onclick
 */
function tool(picture, label, spoken, name, onclick) {
  return named(el('button', { class: 'tool', type: 'button', onclick }, icon(picture)), label, spoken, name);
}

/**
 * @template {HTMLElement} T
 * @param {T} node
 * @param {Key} label
 * @param {Key} spoken
 * @param {string} name
 */
function named(node, label, spoken, name) {
  return sayIn(sayIn(node, 'title', label), 'aria-label', spoken, { name });
}

/** @param {number} count placeholders that stand where cards will be */
export function skeletons(count) {
  return Array.from({ length: count }, () =>
    el('li', { class: 'card skeleton', 'aria-hidden': 'true' }, el('div', { class: 'frame' }), el('div', { class: 'skeleton-words' })),
  );
}
