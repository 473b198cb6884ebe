// Removal with a way back: gone from view at once, from the service when the time to undo is over or the page is left.

import { deleteImage } from './api.js';
import { tellFailure, offerUndo } from './toasts.js';
import { keyOf, nameOf } from '../parts/entries.js';

/** @typedef {import('../parts/entries.js').Entry} Entry */
/** @typedef {{entries: Entry[], end: () => void}} Pending */

const UNDO_MS = 7000;
const AT_ONCE = 4;

/** Tells `gone` and `back`, each with the entries, and `done` when the service has removed them. */
export class Removals extends EventTarget {
  /** @type {Set<Pending>} */
  #pending = new Set();

  constructor() {
    super();
    addEventListener('pagehide', () => this.#leave());
  }

  /** @param {Entry} entry whether it is about to be removed */
  has(entry) {
    return [...this.#pending].some(({ entries }) => entries.some((other) => keyOf(other) === keyOf(entry)));
  }

  /** @param {Entry[]} entries */
  remove(entries) {
    const [first] = entries;
    if (!first) return;
    /** @type {Pending} */
    const pending = { entries, end: () => {} };
    this.#pending.add(pending);
    pending.end = offerUndo({
      key: 'removed',
      values: { count: entries.length, name: nameOf(first) },
      milliseconds: UNDO_MS,
      undo: () => this.#restore(pending),
      over: () => void this.#finish(pending),
    });
    this.#tell('gone', entries);
  }

  /** @param {Pending} pending */
  #restore(pending) {
    this.#pending.delete(pending);
    this.#tell('back', pending.entries);
  }

  /** @param {Pending} pending */
  async #finish(pending) {
    const queue = [...pending.entries];
    /** @type {Entry[]} */
    const kept = [];
    const work = async () => {
      for (let entry = queue.shift(); entry; entry = queue.shift()) await this.#removeOne(entry, kept);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    this.#pending.delete(pending);
    if (kept.length) this.#tell('back', kept);
    this.#tell('done', pending.entries);
  }

  /**
   * @param {Entry} entry
   * @param {Entry[]} kept
   */
  async #removeOne(entry, kept) {
    try {
      await deleteImage(entry);
    } catch (error) {
      if (!kept.length) tellFailure(error);
      kept.push(entry);
    }
  }

  /** What was taken off is removed although nobody waits any more. */
  #leave() {
    for (const { entries } of this.#pending) for (const entry of entries) deleteImage(entry, { keepalive: true }).catch(() => {});
    this.#pending.clear();
  }

  /**
   * @param {'gone' | 'back' | 'done'} news
   * @param {Entry[]} entries
   */
  #tell(news, entries) {
    this.dispatchEvent(new CustomEvent(news, { detail: entries }));
  }
}

/**
 * @param {Event} event of Removals
 * @returns {Entry[]}
 */
export function entriesOf(event) {
  return event instanceof CustomEvent ? event.detail : [];
}
