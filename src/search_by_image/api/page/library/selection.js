// Which cards are chosen: one by one, a range with Shift, or all that are shown.

import { byId } from '../core/dom.js';
import { say } from '../core/i18n.js';
import { entriesOf } from '../core/removals.js';
import { keyOf } from '../parts/entries.js';

/** @typedef {import('../parts/entries.js').Entry} Entry */
/** @typedef {import('../parts/gallery.js').Gallery} Gallery */

export class Selection {
  /** @type {Map<string, Entry>} */
  #chosen = new Map();
  #last = '';
  #bar = byId('selection', HTMLDivElement);

  /**
   * @param {() => Gallery} gallery
   * @param {{remove: (entries: Entry[]) => void, edit: (entry: Entry) => void}} actions
   * @param {import('../core/removals.js').Removals} removals
   */
  constructor(gallery, actions, removals) {
    this.gallery = gallery;
    this.edit = byId('selection-edit', HTMLButtonElement);
    byId('selection-all', HTMLButtonElement).addEventListener('click', () => this.#choose(this.gallery().entries, true));
    byId('selection-clear', HTMLButtonElement).addEventListener('click', () => this.clear());
    byId('selection-remove', HTMLButtonElement).addEventListener('click', () => actions.remove(this.entries));
    this.edit.addEventListener('click', () => this.entries[0] && actions.edit(this.entries[0]));
    removals.addEventListener('gone', (event) => this.#choose(entriesOf(event), false));
  }

  get entries() {
    return [...this.#chosen.values()];
  }

  clear() {
    this.#choose(this.entries, false);
  }

  /** What is no longer shown is no longer chosen. */
  forget() {
    this.#chosen.clear();
    this.#show();
  }

  /**
   * @param {Entry} entry
   * @param {boolean} chosen
   * @param {boolean} range from the last one on
   */
  set(entry, chosen, range) {
    const shown = this.gallery().entries;
    const [from, to] = [this.#last, keyOf(entry)].map((key) => shown.findIndex((one) => keyOf(one) === key));
    const between = range && from !== undefined && to !== undefined && from >= 0 ? shown.slice(Math.min(from, to), Math.max(from, to) + 1) : [entry];
    this.#last = keyOf(entry);
    this.#choose(between, chosen);
  }

  /**
   * @param {Entry[]} entries
   * @param {boolean} chosen
   */
  #choose(entries, chosen) {
    for (const entry of entries) {
      if (chosen) this.#chosen.set(keyOf(entry), entry);
      else this.#chosen.delete(keyOf(entry));
      this.#mark(entry, chosen);
    }
    this.#show();
  }

  /**
   * @param {Entry} entry
   * @param {boolean} chosen
   */
  #mark(entry, chosen) {
    const node = this.gallery().nodeOf(entry);
    node?.classList.toggle('is-chosen', chosen);
    const box = node?.querySelector('.card-choice');
    if (box instanceof HTMLInputElement) box.checked = chosen;
  }

  #show() {
    const count = this.#chosen.size;
    this.#bar.hidden = count === 0;
    this.edit.hidden = count !== 1;
    this.gallery().list.classList.toggle('is-choosing', count > 0);
    say(byId('selection-count', HTMLElement), 'selection.count', { count });
  }
}
