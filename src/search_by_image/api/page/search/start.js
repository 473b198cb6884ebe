// The ways to give a picture to search with, and where to look for it.

import { ALL } from '../core/choices.js';
import { byId, el } from '../core/dom.js';
import { PageError } from '../core/errors.js';
import { say } from '../core/i18n.js';
import { fromFile, fromText } from '../core/pictures.js';

/** @typedef {import('../core/choices.js').Choices} Choices */
/** @typedef {{take: (picture: import('../core/pictures.js').Picture) => void, refuse: (error: unknown) => void}} Taker */

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
  byId('search-form', HTMLFormElement).addEventListener('submit', (event) => submit(event, taker));
}

/**
 * @param {Event} event
 * @param {Taker} taker
 */
function submit(event, taker) {
  event.preventDefault();
  const field = byId('search-text', HTMLInputElement);
  try {
    if (!field.value.trim()) throw new PageError('error.notext', 'error.notext.remedy');
    taker.take(fromText(field.value));
    field.value = '';
  } catch (error) {
    taker.refuse(error);
  }
}
