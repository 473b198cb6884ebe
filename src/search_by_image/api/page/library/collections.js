// The collections with their counts, to browse by.

import { address, addressWith } from '../core/address.js';
import { byId, el } from '../core/dom.js';
import { formatNumber } from '../core/i18n.js';

/** @typedef {import('../core/choices.js').Choices} Choices */

export class CollectionList {
  #list = byId('library-collections', HTMLUListElement);

  /** @param {Choices} choices */
  constructor(choices) {
    this.choices = choices;
    choices.addEventListener('info', () => this.#show());
    address.addEventListener('change', () => this.#show());
    document.addEventListener('languagechange', () => this.#show());
    this.#show();
  }

  #show() {
    const items = (this.choices.info?.collections ?? []).map(({ name, count }) => el('li', {}, this.#link(name, count)));
    const focused = document.activeElement?.getAttribute('data-collection');
    this.#list.replaceChildren(...items);
    if (focused) this.#list.querySelector(`[data-collection="${CSS.escape(focused)}"]`)?.closest('a')?.focus();
  }

  /**
   * @param {string} name
   * @param {number} count
   */
  #link(name, count) {
    const current = name === this.choices.collection && 'true';
    const href = addressWith({ tab: 'library', collection: name });
    const link = el('a', { href, 'aria-current': current, 'data-collection': name }, el('span', {}, name), el('span', { class: 'count' }, formatNumber(count)));
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.choices.chooseCollection(name);
    });
    return link;
  }
}
