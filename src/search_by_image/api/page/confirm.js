// A question before something that cannot be undone. Escape and Cancel mean no.

import { byId, el } from './dom.js';
import { say } from './i18n.js';

/** @typedef {import('./texts-en.js').Key} Key */
/** @typedef {import('./i18n.js').Values} Values */

/**
 * @param {{title: Key, text: Key, yes: Key, values: Values}} question
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, yes, values }) {
  const dialog = byId('confirm', HTMLDialogElement);
  dialog.returnValue = '';
  const heading = say(el('h2', { id: 'confirm-title' }), title, values);
  const words = say(el('p', { id: 'confirm-text' }), text, values);
  dialog.replaceChildren(heading, words, el('div', { class: 'actions' }, ...answers(dialog, yes)));
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {Key} yes
 */
function answers(dialog, yes) {
  const agree = { class: 'button button-danger', type: 'button', onclick: () => dialog.close('yes') };
  const refuse = { class: 'button', type: 'button', autofocus: true, onclick: () => dialog.close() };
  return [say(el('button', agree), yes), say(el('button', refuse), 'cancel')];
}
