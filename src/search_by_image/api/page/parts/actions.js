// What one does with an entry, wherever it is shown.

import { similarTo } from '../core/address.js';
import { Removals } from '../core/removals.js';

/** @typedef {import('./entries.js').Entry} Entry */
/** @typedef {import('../core/choices.js').Choices} Choices */
/** @typedef {import('../core/pictures.js').Picture} Picture */

/** Tells `changed` when an entry was edited: `entry` is that one as it is now. */
export class Actions extends EventTarget {
  removals = new Removals();
  /** @type {Entry | null} */
  entry = null;

  /** @param {Choices} choices */
  constructor(choices) {
    super();
    this.choices = choices;
  }

  similar = similarTo;

  remove = (/** @type {Entry} */ entry) => this.removals.remove([entry]);

  details = async (/** @type {Entry} */ entry) => {
    const { showDetails } = await import('./details.js');
    await showDetails(entry, this.choices, this);
  };

  compare = async (/** @type {Entry} */ entry, /** @type {Picture} */ picture) => {
    const { showComparison } = await import('./compare.js');
    showComparison(entry, picture);
  };

  changed = (/** @type {Entry} */ entry) => {
    this.entry = entry;
    this.dispatchEvent(new Event('changed'));
  };
}
