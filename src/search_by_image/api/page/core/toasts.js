// Short news at the foot of the page, with a way to take back what was done.

import { byId, el, icon } from './dom.js';
import { errorNote } from './errors.js';
import { say } from './i18n.js';

/** @typedef {import('./texts-en.js').Key} Key */
/** @typedef {import('./i18n.js').Values} Values */

const ERROR_MS = 12_000;

/** @param {unknown} error */
export function tellFailure(error) {
  const toast = el('div', { class: 'toast toast-error' }, errorNote(error));
  place(toast);
  setTimeout(() => toast.remove(), ERROR_MS);
}

/**
 * @param {{key: Key, values: Values, milliseconds: number, undo: () => void, over: () => void}} offer
 * @returns {() => void} ends the offer now
 */
export function offerUndo({ key, values, milliseconds, undo, over }) {
  const takeBack = () => (clearTimeout(timer), toast.remove(), undo());
  const button = el('button', { class: 'button button-small', type: 'button', onclick: takeBack }, icon('undo'), say(el('span'), 'undo'));
  const toast = el('div', { class: 'toast' }, say(el('p'), key, values), button);
  const end = () => (clearTimeout(timer), toast.remove(), over());
  const timer = setTimeout(end, milliseconds);
  place(toast);
  return end;
}

/** @param {HTMLElement} toast */
function place(toast) {
  byId('toasts', HTMLDivElement).append(toast);
}
