// The details of an entry: its whole picture, what the service says of it, its document.

import { getImage } from '../core/api.js';
import { byId, el, icon } from '../core/dom.js';
import { errorNote } from '../core/errors.js';
import { formatTime, say, sayIn } from '../core/i18n.js';
import { pictureUrl } from '../core/pictures.js';
import { DocumentView } from './document.js';
import { captionNode, creditLink, creditText, distanceText, nameOf, scoreText } from './entries.js';
import { framed } from './frame.js';

/** @typedef {import('./entries.js').Entry} Entry */
/** @typedef {import('../core/texts-en.js').Key} Key */
/** @typedef {import('../core/choices.js').Choices} Choices */
/** @typedef {{similar: (entry: Entry) => void, remove: (entry: Entry) => void, changed: (entry: Entry) => void}} Actions */

/**
 * @param {Entry} entry
 * @param {Choices} choices
 * @param {Actions} actions
 */
export async function showDetails(entry, choices, actions) {
  const dialog = byId('details', HTMLDialogElement);
  const close = sayIn(el('button', { class: 'tool', type: 'button', onclick: () => dialog.close() }, icon('close')), 'aria-label', 'close');
  const facts = el('dl', { class: 'facts' }, ...factsOf(entry, choices));
  const words = el('div', {}, facts);
  const head = el('div', { class: 'dialog-head' }, el('h2', { id: 'details-title' }, captionNode(entry)), close);
  dialog.replaceChildren(head, el('div', { class: 'details' }, pictureSide(entry, dialog, actions), words));
  if (!dialog.open) dialog.showModal();
  try {
    const now = entry.sha256 ? entry : { ...(await getImage(entry)), score: entry.score, distance: entry.distance };
    facts.replaceChildren(...factsOf(now, choices));
    words.append(documentOf(now, actions));
  } catch (error) {
    words.append(errorNote(error));
  }
}

/**
 * @param {Entry} entry
 * @param {Actions} actions
 */
function documentOf(entry, { changed }) {
  const view = new DocumentView(entry);
  view.addEventListener('changed', () => changed(view.entry));
  return view.node;
}

/**
 * @param {Entry} entry
 * @param {HTMLDialogElement} dialog
 * @param {Actions} actions
 */
function pictureSide(entry, dialog, { similar, remove }) {
  const url = pictureUrl(entry.document);
  const then = (/** @type {(entry: Entry) => void} */ act) => () => (dialog.close(), act(entry));
  const open = url && el('a', { class: 'button button-small', href: url.href, target: '_blank', rel: 'noopener noreferrer' }, icon('open'), say(el('span'), 'entry.open'));
  const actions = el(
    'div',
    { class: 'actions' },
    button('similar', 'search.with', 'button button-small button-main', then(similar)),
    open,
    button('remove', 'entry.remove', 'button button-small', then(remove)),
  );
  return el('div', {}, framed(url?.href ?? '', nameOf(entry), { lazy: false }), actions);
}

/**
 * @param {import('../core/dom.js').IconName} picture
 * @param {Key} key
 * @param {string} className
 * @param {() => void} onclick
 */
function button(picture, key, className, onclick) {
  return el('button', { class: className, type: 'button', onclick }, icon(picture), say(el('span'), key));
}

/**
 * @param {Entry} entry
 * @param {Choices} choices
 */
function factsOf(entry, { info }) {
  const { credit } = entry.document;
  const pipeline = info?.pipelines.find(({ name }) => name === entry.pipeline);
  return [
    fact('entry.id', entry.id),
    fact('entry.score', entry.score === null ? '' : scoreText(entry.score)),
    fact('entry.distance', entry.distance === null ? '' : distanceText(entry.distance)),
    fact('entry.collection', entry.collection),
    fact('entry.pipeline', entry.pipeline),
    fact('entry.model', pipeline ? `${pipeline.processors.join(' → ')} · ${pipeline.fingerprint}` : ''),
    fact('entry.created', entry.created && formatTime(entry.created)),
    fact('entry.updated', entry.updated && entry.updated !== entry.created ? formatTime(entry.updated) : ''),
    fact('entry.sha256', entry.sha256),
    fact('entry.credit', creditText(credit), creditLink(credit)),
  ].flat();
}

/**
 * @param {Key} label
 * @param {string} value
 * @param {string} [href]
 */
function fact(label, value, href = '') {
  if (!value) return [];
  const linked = href ? el('a', { href, target: '_blank', rel: 'noopener noreferrer' }, value) : value;
  return [say(el('dt'), label), el('dd', {}, linked)];
}
