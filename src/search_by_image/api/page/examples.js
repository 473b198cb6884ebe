// A few pictures of the collection to start with, of different kinds.

import { listDocuments } from './api.js';
import { byId, el } from './dom.js';
import { captionOf, entryOfListed, framed, nameOf, plain } from './entries.js';
import { sayIn } from './i18n.js';
import { pictureUrl } from './pictures.js';

/** @typedef {import('./choices.js').Choices} Choices */
/** @typedef {import('./json.js').Fields} Fields */

const WANTED = 6;
const RECENT = 60;

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
  const documents = await newest(collection, choices.countIn(collection) ?? 0);
  if (collection !== choices.collection) return;
  const items = varied(documents.filter(isOurs)).flatMap((document) => exampleOf(document, searchWith));
  byId('examples-list', HTMLUListElement).replaceChildren(...items);
  byId('examples', HTMLDivElement).hidden = items.length === 0;
}

/**
 * The newest documents.
 * @param {string} collection
 * @param {number} count
 */
async function newest(collection, count) {
  if (!count) return [];
  const size = Math.min(RECENT, count);
  const pages = new Set([Math.floor(count / size), Math.ceil(count / size)]);
  const listing = { collection, field: '', values: [], size };
  const found = await Promise.allSettled([...pages].map((page) => listDocuments({ ...listing, page })));
  return found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}

/**
 * One of each kind in turn.
 * @param {Fields[]} documents
 */
function varied(documents) {
  const kindOf = (/** @type {Fields} */ document) => plain(document.kind) || captionOf(entryOfListed(document));
  const kinds = new Map(documents.map((document) => [kindOf(document), /** @type {Fields[]} */ ([])]));
  for (const document of documents) kinds.get(kindOf(document))?.push(document);
  const rounds = Array.from({ length: WANTED }, (_, round) => [...kinds.values()].flatMap((kind) => kind.slice(round, round + 1)));
  return rounds.flat().slice(0, WANTED);
}

/**
 * @param {Fields} document
 * @param {(url: URL) => void} searchWith
 */
function exampleOf(document, searchWith) {
  const url = pictureUrl(document);
  if (!url) return [];
  const button = el('button', { class: 'example', type: 'button', onclick: () => searchWith(url) }, framed(url.href, ''));
  return [el('li', {}, sayIn(button, 'aria-label', 'search.with.named', { name: nameOf(entryOfListed(document)) }))];
}

/** @param {Fields} document whose picture is on this origin, so that looking at it asks nobody else */
function isOurs(document) {
  return pictureUrl(document)?.origin === location.origin;
}
