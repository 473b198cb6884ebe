// The service asks for an API key: so does the page, once for all calls that wait for it.

import { byId, el } from './dom.js';
import { say } from './i18n.js';
import { storedKey, storeKey } from '../key.js';

/** @type {Promise<boolean> | null} */
let asking = null;

/**
 * @param {string} used the key that the service refused, '' for none
 * @returns {Promise<boolean>} whether there is another key now
 */
export function askForKey(used) {
  if (storedKey() !== used) return Promise.resolve(true);
  asking ??= ask(used).finally(() => {
    asking = null;
  });
  return asking;
}

/** @param {string} used */
async function ask(used) {
  const dialog = byId('key', HTMLDialogElement);
  const input = el('input', { id: 'key-input', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true });
  dialog.returnValue = '';
  dialog.replaceChildren(
    say(el('h2', { id: 'key-title' }), 'key.title'),
    say(el('p', { id: 'key-text' }), used ? 'key.refused' : 'key.text'),
    el('form', { method: 'dialog', class: 'line-form', onsubmit: () => storeKey(input.value.trim()) },
      say(el('label', { for: 'key-input' }), 'key.label'),
      el('div', { class: 'line' }, input, say(el('button', { class: 'button button-main', value: 'given' }), 'key.go')),
    ),
  );
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  return dialog.returnValue === 'given' && storedKey() !== '';
}
