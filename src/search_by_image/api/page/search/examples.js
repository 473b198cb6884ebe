// A few pictures of the collection to start with, of different kinds.

import { address, inAddress, queryInAddress } from '../core/address.js';
import { list } from '../core/api.js';
import { byId, el } from '../core/dom.js';
import { sayIn } from '../core/i18n.js';
import { pictureUrl } from '../core/pictures.js';
import { nameOf } from '../parts/entries.js';
import { framed } from '../parts/frame.js';

/** @typedef {import('../core/choices.js').Choices} Choices */
/** @typedef {import('../core/api.js').Field} Field */
/** @typedef {import('../core/json.js').Fields} Fields */
/** @typedef {import('../parts/entries.js').Entry} Entry */

const WANTED = 8;
const KINDS = 4;

/**
 * @param {Choices} choices
 * @param {(entry: Entry) => void} similar
 */
export function offerExamples(choices, similar) {
  let shown = '';
  const renew = () => {
    const wanted = choices.collection;
    if (!choices.info || inAddress('tab') || queryInAddress() || shown === wanted) return;
    shown = wanted;
    void showExamples(choices, similar, () => shown === wanted);
  };
  choices.addEventListener('info', () => ((shown = ''), renew()));
  address.addEventListener('change', renew);
}

/**
 * @param {Choices} choices
 * @param {(entry: Entry) => void} similar
 * @param {() => boolean} isWanted
 */
async function showExamples(choices, similar, isWanted) {
  const { collection } = choices;
  const filters = filtersFor(await choices.fieldsOf(collection));
  const found = await Promise.all(filters.map((filter) => some(collection, filter, Math.ceil(WANTED / filters.length))));
  if (!isWanted()) return;
  const items = inTurn(found).filter(isOurs).slice(0, WANTED).map((entry) => exampleOf(entry, similar));
  byId('examples-list', HTMLUListElement).replaceChildren(...items);
  byId('examples', HTMLDivElement).hidden = items.length === 0;
}

/**
 * One for each of the most frequent kinds, by the field that tells the fewest apart; none where there is no such field.
 * @param {Field[]} fields
 * @returns {(Fields | null)[]}
 */
function filtersFor(fields) {
  const kinds = fields.filter(isKind).sort((one, other) => one.values.length - other.values.length)[0];
  return kinds ? kinds.values.slice(0, KINDS).map(({ value }) => ({ [kinds.path]: value })) : [null];
}

/** @param {Field} field */
function isKind({ types, values }) {
  return types.join() === 'text' && values.length > 1 && values.every(({ count }) => count > 1);
}

/**
 * @param {string} collection
 * @param {Fields | null} filter
 * @param {number} limit
 */
async function some(collection, filter, limit) {
  const listing = { collection, filter, order: 'newest', cursor: '', limit, count: false };
  return list(listing, new AbortController().signal).then(({ entries }) => entries, () => []);
}

/** @param {Entry[][]} kinds */
function inTurn(kinds) {
  return Array.from({ length: WANTED }, (_, round) => kinds.flatMap((kind) => kind.slice(round, round + 1))).flat();
}

/**
 * @param {Entry} entry
 * @param {(entry: Entry) => void} similar
 */
function exampleOf(entry, similar) {
  const button = el('button', { class: 'example', type: 'button', onclick: () => similar(entry) });
  button.append(framed(pictureUrl(entry.document)?.href ?? '', ''));
  return el('li', {}, sayIn(button, 'aria-label', 'search.with.named', { name: nameOf(entry) }));
}

/** @param {Entry} entry whose picture is on this origin, so that looking at it asks nobody else */
function isOurs(entry) {
  return pictureUrl(entry.document)?.origin === location.origin;
}
