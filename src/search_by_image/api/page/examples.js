// A few pictures of the collection to start with, taken evenly from all of it.

import { listDocuments } from './api.js';
import { byId, el } from './dom.js';
import { entryOfListed, framed, nameOf } from './entries.js';
import { sayIn } from './i18n.js';
import { pictureUrl } from './pictures.js';

/** @typedef {import('./choices.js').Choices} Choices */
/** @typedef {import('./json.js').Fields} Fields */

const WANTED = 6;

/**
 * @param {Choices} choices
 * @param {(url: URL) => void} searchWith
 */
export function offerExamples(choices, searchWith) {
  const section = byId('search', HTMLElement);
  const renew = () => section.dataset.state === 'empty' && void showExamples(choices, searchWith);
  choices.addEventListener('info', renew);
  choices.addEventListener('change', renew);
}

/**
 * @param {Choices} choices
 * @param {(url: URL) => void} searchWith
 */
async function showExamples(choices, searchWith) {
  const { collection } = choices;
  const documents = await sample(collection, choices.countIn(collection) ?? 0);
  if (collection !== choices.collection) return;
  const items = documents.flatMap((document) => exampleOf(document, searchWith));
  byId('examples-list', HTMLUListElement).replaceChildren(...items);
  byId('examples', HTMLDivElement).hidden = items.length === 0;
}

/**
 * @param {string} collection
 * @param {number} count
 */
async function sample(collection, count) {
  const wanted = Math.min(WANTED, count);
  const pages = Array.from({ length: wanted }, (_, index) => 1 + Math.floor((index * count) / wanted));
  const listing = { collection, field: '', values: [], size: 1 };
  const found = await Promise.allSettled(pages.map((page) => listDocuments({ ...listing, page })));
  return found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}

/**
 * @param {Fields} document
 * @param {(url: URL) => void} searchWith
 */
function exampleOf(document, searchWith) {
  const url = pictureUrl(document);
  if (url?.origin !== location.origin) return [];
  const button = el('button', { class: 'example', type: 'button', onclick: () => searchWith(url) }, framed(url.href, ''));
  return [el('li', {}, sayIn(button, 'aria-label', 'search.with.named', { name: nameOf(entryOfListed(document)) }))];
}
