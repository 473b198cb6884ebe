// The library: what was imported, page by page, by a field's value, and its removal.

import { inAddress, putInAddress } from './address.js';
import { listDocuments, removeDocuments } from './api.js';
import { card, skeletons } from './cards.js';
import { ALL } from './choices.js';
import { confirmed } from './confirm.js';
import { showDetails } from './details.js';
import { byId, el } from './dom.js';
import { entryOfListed, keyOf, nameOf, plain } from './entries.js';
import { PageError, errorNote, isAbort } from './errors.js';
import { say } from './i18n.js';
import { readJson } from './json.js';

/** @typedef {import('./choices.js').Choices} Choices */
/** @typedef {import('./entries.js').Entry} Entry */
/** @typedef {import('./json.js').Json} Json */

const PAGE_SIZE = 24;
const NOTICE_MS = 6000;

export class LibraryView {
  #summary = byId('library-summary', HTMLHeadingElement);
  #note = byId('library-note', HTMLDivElement);
  #list = byId('library-list', HTMLUListElement);
  #field = byId('library-field', HTMLInputElement);
  #value = byId('library-value', HTMLInputElement);
  #running = new AbortController();
  #asking = false;

  /**
   * @param {Choices} choices
   * @param {{searchWith: (url: URL) => void, shown: () => boolean}} page
   */
  constructor(choices, page) {
    this.choices = choices;
    this.page = page;
    const first = say(el('option', { value: ALL }), 'choice.all');
    const select = byId('library-collection', HTMLSelectElement);
    choices.offerCollections(select, { first, current: () => this.#collection, choose: (name) => this.#choose(name) });
    for (const news of ['info', 'change']) choices.addEventListener(news, () => this.refresh());
    this.#listen();
  }

  #listen() {
    byId('library-form', HTMLFormElement).addEventListener('submit', (event) => this.#filter(event));
    byId('library-clear', HTMLButtonElement).addEventListener('click', () => this.#clear());
    byId('library-previous', HTMLButtonElement).addEventListener('click', () => this.#turn(-1));
    byId('library-next', HTMLButtonElement).addEventListener('click', () => this.#turn(1));
  }

  get #collection() {
    return inAddress('all') ? ALL : this.choices.collection;
  }

  get #number() {
    return Math.max(1, Math.trunc(Number(inAddress('page'))) || 1);
  }

  /** @param {string} collection */
  #choose(collection) {
    putInAddress({ all: collection === ALL ? '1' : '', page: '' });
    if (collection === ALL) this.refresh();
    else this.choices.chooseCollection(collection);
  }

  /** @param {SubmitEvent} event */
  #filter(event) {
    event.preventDefault();
    const field = this.#field.value.trim();
    if (field) this.#go({ field, value: this.#value.value, page: '' });
    else if (this.#value.value) this.#note.replaceChildren(errorNote(new PageError('library.field.missing')));
    else this.#clear();
  }

  #clear() {
    this.#go({ field: '', value: '', page: '' });
  }

  /** @param {number} step */
  #turn(step) {
    const page = this.#number + step;
    this.#go({ page: page > 1 ? String(page) : '' });
    this.#summary.focus();
    scrollTo({ top: 0 });
  }

  /** @param {Parameters<typeof putInAddress>[0]} parts */
  #go(parts) {
    putInAddress(parts, { step: true });
    this.refresh();
  }

  /** Lists anew what the address says, when this section is in view. */
  async refresh() {
    if (!this.page.shown() || !this.choices.info) return;
    this.#running.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    this.#begin();
    try {
      await this.#load(signal);
    } catch (error) {
      if (!isAbort(error)) this.#fail(error);
    }
  }

  #begin() {
    this.#field.value = inAddress('field');
    this.#value.value = inAddress('value');
    byId('library-clear', HTMLButtonElement).hidden = !inAddress('field');
    byId('library-collection', HTMLSelectElement).value = this.#collection;
    this.#note.replaceChildren();
    say(this.#summary, 'library.loading');
    this.#list.replaceChildren(...skeletons(this.#list.childElementCount || PAGE_SIZE / 2));
  }

  /** @param {AbortSignal} signal */
  async #load(signal) {
    const listing = { collection: this.#collection, field: inAddress('field'), values: meanings(inAddress('value')) };
    const number = this.#number;
    const [documents, beyond] = await Promise.all([
      listDocuments({ ...listing, size: PAGE_SIZE, page: number }, signal),
      listDocuments({ ...listing, size: 1, page: number * PAGE_SIZE + 1 }, signal),
    ]);
    if (!documents.length && number > 1) return this.#firstPage();
    this.#show(documents.map(entryOfListed), { number, more: beyond.length > 0 });
  }

  #firstPage() {
    putInAddress({ page: '' });
    return this.refresh();
  }

  /**
   * @param {Entry[]} entries
   * @param {{number: number, more: boolean}} page
   */
  #show(entries, { number, more }) {
    const actions = { details: this.#details, searchWith: this.page.searchWith };
    const cardOf = (/** @type {Entry} */ entry) => card(entry, keyOf(entry.document) ? { ...actions, remove: this.#remove } : actions);
    this.#list.replaceChildren(...entries.map(cardOf));
    this.#tell(entries.length, (number - 1) * PAGE_SIZE);
    this.#offerFields(entries);
    byId('library-pages', HTMLElement).hidden = number === 1 && !more;
    byId('library-previous', HTMLButtonElement).disabled = number === 1;
    byId('library-next', HTMLButtonElement).disabled = !more;
    say(byId('library-page', HTMLSpanElement), 'library.page', { page: number });
  }

  /**
   * @param {number} count
   * @param {number} before
   */
  #tell(count, before) {
    const filtered = inAddress('field') !== '';
    const total = filtered ? null : this.choices.countIn(this.#collection);
    const range = { count, first: before + 1, last: before + count };
    if (!count) this.#tellNone(filtered);
    else if (total === null) say(this.#summary, 'library.shown', range);
    else say(this.#summary, 'library.shown.of', { ...range, total: Math.max(total, range.last) });
  }

  /** @param {boolean} filtered */
  #tellNone(filtered) {
    say(this.#summary, filtered ? 'library.none.filtered' : 'library.none');
    const hint = say(el('p', { class: 'lead' }), filtered ? 'library.none.filtered.hint' : 'library.none.hint');
    this.#note.replaceChildren(hint);
  }

  /** @param {Entry[]} entries */
  #offerFields(entries) {
    const names = new Set(entries.flatMap(({ document }) => Object.keys(document).filter((name) => plain(document[name]))));
    const options = [...names].sort().map((name) => el('option', { value: name }));
    byId('library-fields', HTMLDataListElement).replaceChildren(...options);
  }

  #details = (/** @type {Entry} */ entry) => showDetails(entry, this.page.searchWith);

  #remove = async (/** @type {Entry} */ entry) => {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const removed = await askAndRemove(entry, this.choices.info?.limits.page_size_max ?? 1);
      if (removed) await this.#afterRemoval(removed);
    } catch (error) {
      this.#note.replaceChildren(errorNote(error));
      this.#note.scrollIntoView({ block: 'center' });
    } finally {
      this.#asking = false;
    }
  };

  /** @param {number} count */
  async #afterRemoval(count) {
    const done = say(el('p', { class: 'note', role: 'status' }), 'library.removed', { count });
    await this.choices.refresh();
    this.#note.before(done);
    setTimeout(() => done.remove(), NOTICE_MS);
    this.#summary.focus();
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#list.replaceChildren();
    say(this.#summary, 'library.failed');
    const retry = say(el('button', { class: 'button button-small', type: 'button', onclick: () => this.refresh() }), 'retry');
    this.#note.replaceChildren(errorNote(error, retry));
  }
}

/**
 * How many went; 0 when the answer was no.
 * @param {Entry} entry
 * @param {number} most entries that are counted for the question
 */
async function askAndRemove(entry, most) {
  const key = keyOf(entry.document);
  if (!key) return 0;
  const { field, value } = key;
  const { collection } = entry;
  const same = await listDocuments({ collection, field, values: [value], size: most, page: 1 });
  const values = { name: nameOf(entry), field, value: plain(value), collection, count: same.length < most ? same.length : `${most}+` };
  const text = same.length > 1 ? 'library.remove.many' : 'library.remove.one';
  const yes = await confirmed({ title: 'library.remove.title', text, yes: 'entry.remove', values });
  return yes ? (await removeDocuments(collection, field, value)).length : 0;
}

/**
 * A typed value may be meant as text, or as a number, true, false or null.
 * @param {string} typed
 * @returns {Json[]}
 */
function meanings(typed) {
  try {
    const value = readJson(typed);
    return typeof value === 'object' && value !== null ? [typed] : [typed, value];
  } catch {
    return [typed];
  }
}
