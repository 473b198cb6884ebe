// The sections beyond the start, loaded when they first come into view.

import { address, go, queryInAddress } from './core/address.js';
import { byId } from './core/dom.js';

/** @typedef {import('./core/choices.js').Choices} Choices */
/** @typedef {import('./core/tabs.js').Tab} Tab */
/** @typedef {import('./search/search.js').SearchView} SearchView */
/** @typedef {import('./library/library.js').LibraryView} LibraryView */
/** @typedef {import('./importing/importing.js').ImportView} ImportView */
/** @typedef {import('./parts/actions.js').Actions} Actions */

export class Sections {
  /** @type {Promise<Actions> | null} */
  #actions = null;
  /** @type {Promise<SearchView> | null} */
  #search = null;
  /** @type {Promise<LibraryView> | null} */
  #library = null;
  /** @type {Promise<ImportView> | null} */
  #import = null;
  /** @type {ImportView | null} */
  #importView = null;

  /** @param {Choices} choices */
  constructor(choices) {
    this.choices = choices;
    address.addEventListener('change', () => this.#follow({ focus: true }));
    choices.addEventListener('info', () => (this.#follow({ focus: false }), this.#import && void this.withImport((view) => view.refresh())));
  }

  /**
   * Only the first time: then the search follows the address itself.
   * @param {{focus: boolean}} how
   */
  #follow(how) {
    if (!this.#search && queryInAddress()) void this.withSearch((view) => view.follow(how));
  }

  /** @param {Tab} tab */
  async show(tab) {
    if (tab === 'import') await this.withImport((view) => view.refresh());
    if (tab !== 'library') return;
    (await this.#libraryView()).follow();
    byId('library', HTMLElement).inert = false;
  }

  /** @param {(view: SearchView) => void | Promise<void>} act */
  async withSearch(act) {
    this.#search ??= Promise.all([import('./search/search.js'), this.#loadActions()]).then(([{ SearchView }, actions]) => {
      const view = new SearchView(this.choices, actions);
      actions.addEventListener('changed', () => actions.entry && view.gallery.update(actions.entry));
      return view;
    });
    await act(await this.#search);
  }

  /** @param {(view: ImportView) => void | Promise<void>} act */
  async withImport(act) {
    const show = (/** @type {string} */ collection) => go({ tab: 'library', collection, filter: '' });
    this.#import ??= import('./importing/importing.js').then(({ ImportView }) => new ImportView(this.choices, { show, imported: () => this.#imported() }));
    this.#importView = await this.#import;
    byId('import', HTMLElement).inert = false;
    await act(this.#importView);
  }

  /** @param {DataTransfer} drop is empty as soon as its event is over; the view is there, for it is in view */
  takeDrop(drop) {
    return this.#importView?.takeDrop(drop);
  }

  #libraryView() {
    this.#library ??= Promise.all([import('./library/library.js'), this.#loadActions()]).then(([{ LibraryView }, actions]) => {
      const view = new LibraryView(this.choices, actions);
      actions.addEventListener('changed', () => actions.entry && view.gallery.update(actions.entry));
      return view;
    });
    return this.#library;
  }

  #loadActions() {
    this.#actions ??= import('./parts/actions.js').then(({ Actions }) => new Actions(this.choices));
    return this.#actions;
  }

  #imported() {
    this.choices.refresh().catch(() => {});
    void this.#library?.then((view) => view.renew());
  }
}
