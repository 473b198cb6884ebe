// A list of cards that grows, and follows what becomes of its entries.

import { entriesOf } from '../core/removals.js';
import { card, skeletons } from './card.js';
import { keyOf } from './entries.js';

/** @typedef {import('./entries.js').Entry} Entry */
/** @typedef {import('./card.js').CardActions} CardActions */

const SKELETONS = 12;

/** Tells `count` when entries left or came back. */
export class Gallery extends EventTarget {
  /** @type {Map<string, {entry: Entry, node: HTMLLIElement}>} */
  #shown = new Map();

  /**
   * @param {HTMLUListElement} list
   * @param {CardActions} actions
   * @param {import('../core/removals.js').Removals} removals
   */
  constructor(list, actions, removals) {
    super();
    this.list = list;
    this.actions = actions;
    this.removals = removals;
    removals.addEventListener('gone', (event) => this.#hide(entriesOf(event), true));
    removals.addEventListener('back', (event) => this.#hide(entriesOf(event), false));
  }

  /** Entries in view, in their order. */
  get entries() {
    return [...this.#shown.values()].filter(({ node }) => !node.hidden).map(({ entry }) => entry);
  }

  /** With those that are about to be removed. */
  get size() {
    return this.#shown.size;
  }

  wait() {
    this.#shown.clear();
    this.list.replaceChildren(...skeletons(SKELETONS));
    this.list.setAttribute('aria-busy', 'true');
  }

  /** @param {Entry[]} entries */
  show(entries) {
    this.#shown.clear();
    this.list.replaceChildren();
    this.list.removeAttribute('aria-busy');
    this.add(entries);
  }

  /** @param {Entry[]} entries */
  add(entries) {
    this.list.append(...entries.filter((entry) => !this.#shown.has(keyOf(entry))).map((entry) => this.#make(entry)));
  }

  /** @param {Entry} entry */
  #make(entry) {
    const node = card(entry, this.actions);
    node.hidden = this.removals.has(entry);
    this.#shown.set(keyOf(entry), { entry, node });
    return node;
  }

  /** @param {Entry} entry as it is now */
  update(entry) {
    const before = this.#shown.get(keyOf(entry));
    if (!before) return;
    const { score, distance } = before.entry;
    before.node.replaceWith(this.#make({ ...entry, score, distance }));
  }

  /** @param {Entry} entry */
  nodeOf(entry) {
    return this.#shown.get(keyOf(entry))?.node ?? null;
  }

  /**
   * @param {Entry[]} entries
   * @param {boolean} hidden
   */
  #hide(entries, hidden) {
    for (const entry of entries) this.nodeOf(entry)?.toggleAttribute('hidden', hidden);
    this.dispatchEvent(new Event('count'));
  }
}
