// The sections: plain links with addresses of their own, so Back, sharing and a new window work.

import { address, addressWith, go, inAddress } from './address.js';
import { say } from './i18n.js';

/** @typedef {'search' | 'import' | 'library'} Tab */

/** @type {readonly Tab[]} */
const TABS = ['search', 'import', 'library'];
/** @type {Record<Tab, import('./texts-en.js').Key>} */
const TITLES = { search: 'title.search', import: 'title.import', library: 'title.library' };

/** Tells `show` when a section comes into view. */
export class Tabs extends EventTarget {
  /** @type {Tab | null} */
  #shown = null;

  constructor() {
    super();
    document.addEventListener('click', (event) => this.#follow(event));
    address.addEventListener('change', () => this.#show());
  }

  /** @returns {Tab} */
  get current() {
    const asked = inAddress('tab');
    return TABS.find((tab) => tab === asked) ?? 'search';
  }

  start() {
    this.#show();
  }

  /** @param {Tab} tab */
  open(tab) {
    if (tab === this.current) return;
    go({ tab: partOf(tab) });
    scrollTo({ top: 0 });
  }

  /** @param {MouseEvent} event */
  #follow(event) {
    const link = event.target instanceof Element ? event.target.closest('[data-tab]') : null;
    const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
    const tab = TABS.find((name) => name === link?.getAttribute('data-tab'));
    if (!tab || !plain) return;
    event.preventDefault();
    this.open(tab);
  }

  #show() {
    for (const tab of TABS) this.#mark(tab, tab === this.current);
    if (this.#shown === this.current) return;
    this.#shown = this.current;
    say(document.head.querySelector('title') ?? document.createElement('title'), TITLES[this.current]);
    this.dispatchEvent(new Event('show'));
  }

  /**
   * @param {Tab} tab
   * @param {boolean} shown
   */
  #mark(tab, shown) {
    const link = document.querySelector(`nav [data-tab="${tab}"]`);
    document.getElementById(tab)?.toggleAttribute('hidden', !shown);
    link?.setAttribute('href', addressWith({ tab: partOf(tab) }));
    if (shown) link?.setAttribute('aria-current', 'page');
    else link?.removeAttribute('aria-current');
  }
}

/** @param {Tab} tab */
function partOf(tab) {
  return tab === 'search' ? '' : tab;
}
