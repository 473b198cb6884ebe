// How to search: pipeline, collection, the least score, groups, a filter. All of it is in the address.

import { address, go, inAddress } from '../core/address.js';
import { byId, el, settled } from '../core/dom.js';
import { formatNumber, say } from '../core/i18n.js';
import { FilterBuilder } from '../parts/filter-builder.js';

/** @typedef {import('../core/choices.js').Choices} Choices */

const PAUSE_MS = 200;
const TWO_PLACES = { minimumFractionDigits: 2, maximumFractionDigits: 2 };

/** @param {number} score */
export function shortScore(score) {
  return formatNumber(score, TWO_PLACES);
}

export class SearchOptions {
  #slider = byId('search-min', HTMLInputElement);
  #shown = byId('search-min-shown', HTMLOutputElement);
  #group = byId('search-group', HTMLSelectElement);

  /** @param {Choices} choices */
  constructor(choices) {
    this.choices = choices;
    new FilterBuilder(byId('search-filter', HTMLDivElement), () => choices.fieldsOf(choices.searched));
    this.#listen();
    this.#show();
    void this.#offerGroups();
  }

  #listen() {
    const commit = settled(PAUSE_MS, () => go({ min: this.#slider.value === String(this.#usual) ? '' : this.#slider.value }, { step: false }));
    this.#slider.addEventListener('input', () => (this.#tell(), commit()));
    this.#group.addEventListener('change', () => go({ group: this.#group.value }));
    address.addEventListener('change', () => this.#show());
    this.choices.addEventListener('info', () => (this.#show(), void this.#offerGroups()));
    document.addEventListener('languagechange', () => this.#tell());
  }

  get #usual() {
    return this.choices.info?.limits.match_score ?? 0;
  }

  /** null: the service's own. */
  get min() {
    const asked = inAddress('min');
    const score = Number(asked);
    return asked && score >= 0 && score <= 1 ? score : null;
  }

  #show() {
    this.#slider.value = String(this.min ?? this.#usual);
    this.#tell();
    if (this.#group.value !== inAddress('group')) void this.#offerGroups();
  }

  #tell() {
    const score = Number(this.#slider.value);
    this.#shown.textContent = shortScore(score);
    this.#slider.style.setProperty('--filled', `${100 * score}%`);
  }

  async #offerGroups() {
    const fields = await this.choices.fieldsOf(this.choices.searched);
    const asked = inAddress('group');
    const paths = new Set([...fields.filter(isShared).map(({ path }) => path), ...(asked ? [asked] : [])]);
    const none = say(el('option', { value: '' }), 'group.none');
    this.#group.replaceChildren(none, ...[...paths].map((path) => el('option', { value: path }, path)));
    this.#group.value = asked;
  }
}

/** @param {import('../core/api.js').Field} field whose values many pictures have in common */
function isShared({ count, values }) {
  return count > 1 && values.some((value) => value.count > 1);
}
