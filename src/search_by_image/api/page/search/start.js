// The ways to say what to search with, and where to look for it.

import { address } from '../core/address.js';
import { ALL } from '../core/choices.js';
import { byId, el } from '../core/dom.js';
import { say, sayIn } from '../core/i18n.js';
import { fromFile } from '../core/pictures.js';

/** @typedef {import('../core/choices.js').Choices} Choices */
/** @typedef {{take: (query: import('./words.js').Query) => void, refuse: (error: unknown) => void}} Taker */

/**
 * @param {Choices} choices
 * @param {Taker} taker
 */
export function offerStart(choices, taker) {
  choices.offerPipelines(byId('search-pipeline', HTMLSelectElement));
  const first = say(el('option', { value: ALL }), 'choice.all');
  choices.offerCollections(byId('search-collection', HTMLSelectElement), { first, current: () => choices.searched });
  for (const id of ['search-file', 'search-camera']) {
    const input = byId(id, HTMLInputElement);
    input.addEventListener('change', () => {
      if (input.files?.[0]) taker.take(fromFile(input.files[0]));
      input.value = '';
    });
  }
  byId('search-form', HTMLFormElement).addEventListener('submit', (event) => void submit(event, choices, taker));
  choices.addEventListener('info', () => nameField(choices));
  address.addEventListener('change', () => nameField(choices));
}

/** @param {Choices} choices */
function nameField({ takesWords }) {
  const name = takesWords ? 'search.text.words' : 'search.text';
  say(byId('search-text-label', HTMLLabelElement), name);
  sayIn(byId('search-text', HTMLInputElement), 'placeholder', name);
}

/**
 * @param {Event} event
 * @param {Choices} choices
 * @param {Taker} taker
 */
async function submit(event, choices, taker) {
  event.preventDefault();
  const field = byId('search-text', HTMLInputElement);
  try {
    const { queryFrom } = await import('./words.js');
    taker.take(queryFrom(field.value, choices));
    field.value = '';
  } catch (error) {
    taker.refuse(error);
  }
}
