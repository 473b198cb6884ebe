// The details of an entry: its whole picture, what the service says of it, its document.

import { byId, el } from './dom.js';
import { captionNode, creditLink, creditSource, creditText, distanceText, framed, nameOf, plain, scoreText } from './entries.js';
import { say } from './i18n.js';
import { writeJson } from './json.js';
import { pictureUrl } from './pictures.js';

/** @typedef {import('./entries.js').Entry} Entry */
/** @typedef {import('./texts-en.js').Key} Key */

/**
 * @param {Entry} entry
 * @param {(url: URL) => void} searchWith
 */
export function showDetails(entry, searchWith) {
  const dialog = byId('details', HTMLDialogElement);
  const close = () => dialog.close();
  dialog.replaceChildren(heading(entry, close), content(entry, searchWith, close));
  dialog.showModal();
}

/**
 * @param {Entry} entry
 * @param {() => void} close
 */
function heading(entry, close) {
  const title = el('h2', { id: 'details-title' }, captionNode(entry));
  return el('header', { class: 'dialog-head' }, title, say(el('button', { class: 'button', onclick: close }), 'close'));
}

/**
 * @param {Entry} entry
 * @param {(url: URL) => void} searchWith
 * @param {() => void} close
 */
function content(entry, searchWith, close) {
  const url = pictureUrl(entry.document);
  const picture = framed(url?.href ?? '', nameOf(entry), { lazy: false });
  const actions = url && actionsFor(url, () => (close(), searchWith(url)));
  const facts = el('dl', { class: 'facts' }, ...factsOf(entry));
  return el('div', { class: 'details' }, el('div', {}, picture, actions), el('div', {}, facts, ...documentOf(entry)));
}

/**
 * @param {URL} url
 * @param {() => void} search
 */
function actionsFor(url, search) {
  const open = { class: 'button', href: url.href, target: '_blank', rel: 'noopener noreferrer' };
  return el(
    'div',
    { class: 'actions' },
    say(el('button', { class: 'button button-main', onclick: search }), 'search.with'),
    say(el('a', open), 'entry.open'),
  );
}

/** @param {Entry} entry */
function factsOf({ document, number, score, distance, collection }) {
  const { credit } = document;
  return [
    fact('entry.id', plain(document.id)),
    fact('entry.score', score === null ? '' : scoreText(score)),
    fact('entry.distance', distance === null ? '' : distanceText(distance)),
    fact('entry.collection', collection),
    fact('entry.number', number),
    fact('entry.credit', creditText(credit), creditLink(credit)),
    fact('entry.source', creditSource(credit)),
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

/** @param {Entry} entry */
function documentOf({ document }) {
  const json = writeJson(document, 2);
  const shown = el('pre', { class: 'json', tabindex: 0, lang: 'en', 'aria-labelledby': 'details-document' }, json);
  const status = el('span', { class: 'quiet', role: 'status' });
  const copy = say(el('button', { class: 'button button-small', onclick: () => copyText(json, shown, status) }), 'entry.copy');
  const title = say(el('h3', { id: 'details-document' }), 'entry.document');
  return [el('div', { class: 'json-head' }, title, status, copy), shown];
}

/**
 * @param {string} text
 * @param {HTMLElement} shown
 * @param {HTMLElement} status
 */
async function copyText(text, shown, status) {
  try {
    await navigator.clipboard.writeText(text);
    say(status, 'entry.copied');
  } catch {
    // No clipboard for pages without https, or none granted: the old way, which needs a selection.
    getSelection()?.selectAllChildren(shown);
    say(status, document.execCommand('copy') ? 'entry.copied' : 'entry.copy.failed');
  }
}
