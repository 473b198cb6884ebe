// The library: a collection's pictures, filtered and sorted, chosen and removed. The address says which.

import { address, go, inAddress } from '../core/address.js';
import { list } from '../core/api.js';
import { byId, el, icon } from '../core/dom.js';
import { errorNote, isAbort } from '../core/errors.js';
import { say } from '../core/i18n.js';
import { writeJson } from '../core/json.js';
import { Endless } from '../parts/endless.js';
import { FilterBuilder } from '../parts/filter-builder.js';
import { filterFrom } from '../parts/filters.js';
import { Gallery } from '../parts/gallery.js';
import { CollectionList } from './collections.js';
import { Selection } from './selection.js';

/** @typedef {import('../core/choices.js').Choices} Choices */
/** @typedef {import('../core/removals.js').Removals} Removals */
/** @typedef {import('../parts/entries.js').Entry} Entry */

const PART = 48;

export class LibraryView {
  #summary = byId('library-summary', HTMLHeadingElement);
  #note = byId('library-note', HTMLDivElement);
  #sort = byId('library-sort', HTMLSelectElement);
  #running = new AbortController();
  #shown = '';
  #cursor = '';
  /** @type {number | null} */
  #count = null;

  /**
   * @param {Choices} choices
   * @param {import('../parts/actions.js').Actions} actions
   */
  constructor(choices, { details, similar, remove, removals }) {
    this.choices = choices;
    const choose = (/** @type {Entry} */ entry, /** @type {boolean} */ chosen, /** @type {boolean} */ range) => this.selection.set(entry, chosen, range);
    this.gallery = new Gallery(byId('library-list', HTMLUListElement), { details, similar, remove, choose }, removals);
    const ofMany = { remove: (/** @type {Entry[]} */ entries) => removals.remove(entries), edit: details };
    this.selection = new Selection(() => this.gallery, ofMany, removals);
    this.endless = new Endless(byId('library-more', HTMLDivElement), () => this.#more());
    new CollectionList(choices);
    new FilterBuilder(byId('library-filter', HTMLDivElement), () => choices.fieldsOf(choices.collection));
    this.#listen(removals);
  }

  /** @param {Removals} removals */
  #listen(removals) {
    this.#sort.addEventListener('change', () => go({ sort: this.#sort.value === 'newest' ? '' : this.#sort.value }));
    address.addEventListener('change', () => this.follow());
    this.choices.addEventListener('info', () => this.follow());
    this.gallery.addEventListener('count', () => this.#tell());
    removals.addEventListener('done', () => this.#afterRemoval());
  }

  /** Shows what the address asks for, unless it is in view already. */
  follow() {
    if (!this.choices.info || inAddress('tab') !== 'library') return;
    const { collection, order, filter } = this.#wanted();
    this.#sort.value = order;
    const key = writeJson([collection, order, filter]);
    if (key === this.#shown) return;
    this.#shown = key;
    void this.#load();
  }

  /** It may have changed: look again when it is next in view. */
  renew() {
    this.#shown = '';
    this.follow();
  }

  #wanted() {
    const order = inAddress('sort') === 'oldest' ? 'oldest' : 'newest';
    return { collection: this.choices.collection, filter: filterFrom(inAddress('filter')), order, limit: PART };
  }

  async #load() {
    this.#running.abort();
    this.#running = new AbortController();
    this.#note.replaceChildren();
    this.selection.forget();
    this.gallery.wait();
    this.endless.offer(false);
    this.#count = this.choices.countIn(this.choices.collection);
    say(this.#summary, 'library.loading');
    try {
      this.gallery.show(await this.#part(''));
      this.endless.offer(this.#cursor !== '');
      this.#tell();
    } catch (error) {
      if (!isAbort(error)) this.#fail(error);
    }
  }

  /** @param {string} cursor */
  async #part(cursor) {
    const { signal } = this.#running;
    const page = await list({ ...this.#wanted(), cursor, count: cursor === '' }, signal);
    signal.throwIfAborted();
    this.#cursor = page.cursor;
    this.#count = page.count ?? this.#count;
    return page.entries;
  }

  async #more() {
    try {
      this.gallery.add(await this.#part(this.#cursor));
    } catch (error) {
      if (!isAbort(error)) this.#note.replaceChildren(errorNote(error));
      return false;
    }
    return this.#cursor !== '';
  }

  #tell() {
    if (!this.#shown) return;
    const hidden = this.gallery.size - this.gallery.entries.length;
    const count = Math.max(0, (this.#count ?? this.gallery.size) - hidden);
    const { collection, filter } = this.#wanted();
    say(this.#summary, filter ? 'library.count.filtered' : 'library.count', { count, collection });
    this.#note.replaceChildren(...(count === 0 ? [this.#emptyNote(filter !== null)] : []));
  }

  /** @param {boolean} filtered */
  #emptyNote(filtered) {
    const clear = el('button', { class: 'button', type: 'button', onclick: () => go({ filter: '' }) });
    const way = filtered ? say(clear, 'filter.clear') : say(el('a', { class: 'button', href: '/?tab=import', 'data-tab': 'import' }), 'search.none.import');
    return el('div', { class: 'empty' }, icon('picture'), say(el('p'), filtered ? 'library.none.filtered' : 'library.none'), way);
  }

  #afterRemoval() {
    const before = this.#shown;
    this.choices.refresh().catch(() => {});
    this.#shown = before;
  }

  /** @param {unknown} error */
  #fail(error) {
    this.gallery.show([]);
    say(this.#summary, 'library.failed');
    const retry = say(el('button', { class: 'button button-small', type: 'button', onclick: () => this.renew() }), 'retry');
    this.#note.replaceChildren(errorNote(error, retry));
  }
}
