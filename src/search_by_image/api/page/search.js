// Search: a picture in, the similar ones out.

import { searchBy } from './api.js';
import { card, skeletons } from './cards.js';
import { showDetails } from './details.js';
import { byId, el } from './dom.js';
import { entryOfMatch } from './entries.js';
import { PageError, errorNote, isAbort, mayPass } from './errors.js';
import { say } from './i18n.js';
import { checkSendable, fromFile, fromText, takeFrom } from './pictures.js';
import { QueryFrame } from './query.js';

/** @typedef {import('./choices.js').Choices} Choices */
/** @typedef {import('./entries.js').Entry} Entry */
/** @typedef {import('./pictures.js').Picture} Picture */
/** @typedef {import('./texts-en.js').Key} Key */

const SKELETONS = 8;
const NARROW = '(width < 62rem)';

export class SearchView {
  #section = byId('search', HTMLElement);
  #summary = byId('search-summary', HTMLHeadingElement);
  #note = byId('search-note', HTMLDivElement);
  #results = byId('search-results', HTMLUListElement);
  #text = byId('search-text', HTMLInputElement);
  #query = new QueryFrame(byId('query', HTMLElement));
  #running = new AbortController();
  /** @type {Picture | null} */
  #picture = null;

  /**
   * @param {Choices} choices
   * @param {() => void} reveal brings this section into view
   */
  constructor(choices, reveal) {
    this.choices = choices;
    this.reveal = reveal;
    choices.offerPipelines(byId('search-pipeline', HTMLSelectElement));
    choices.offerCollections(byId('search-collection', HTMLSelectElement));
    choices.addEventListener('change', () => this.#repeat());
    this.#listen();
  }

  #listen() {
    const file = byId('search-file', HTMLInputElement);
    file.addEventListener('change', () => {
      this.searchFiles([...(file.files ?? [])]);
      file.value = '';
    });
    matchMedia(NARROW).addEventListener('change', () => this.#fold());
    byId('search-form', HTMLFormElement).addEventListener('submit', (event) => this.#submit(event));
    this.#text.addEventListener('paste', (event) => this.#pasteLong(event));
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    event.preventDefault();
    const text = this.#text.value.trim();
    if (text) this.search(fromText(text));
    else this.refuse(new PageError('error.notext', 'error.notext.remedy'));
  }

  /** @param {ClipboardEvent} event a field of megabytes would make the browser stutter */
  #pasteLong(event) {
    const picture = fromText(event.clipboardData?.getData('text/plain') ?? '');
    if (picture.kind !== 'base64' || event.clipboardData?.files.length) return;
    event.preventDefault();
    this.search(picture);
  }

  /** @param {File[]} files */
  searchFiles(files) {
    if (files[0]) this.search(fromFile(files[0]));
  }

  /** @param {URL} url */
  async searchWith(url) {
    this.reveal();
    try {
      await this.search(await takeFrom(url));
      this.#summary.focus();
    } catch (error) {
      this.refuse(error);
    }
  }

  #repeat() {
    if (this.#picture) this.search(this.#picture);
  }

  /** @param {Picture} picture */
  async search(picture) {
    this.reveal();
    const { signal } = this.#restart();
    this.#begin(picture);
    try {
      await checkSendable(picture, this.choices.uploadLimit);
      const matches = await searchBy(picture, this.choices.place, signal);
      this.#show(picture, matches.map(entryOfMatch));
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.#fail(error);
    }
  }

  #restart() {
    this.#running.abort();
    this.#running = new AbortController();
    return this.#running;
  }

  /** @param {Picture} picture */
  #begin(picture) {
    this.#picture = picture;
    if (this.#section.dataset.state === 'empty') this.#ask();
    if (picture.kind !== 'url') this.#query.show(picture);
    else this.#query.expect(picture);
    say(byId('search-choose', HTMLLabelElement), 'search.another');
    this.#tell('search.running');
    this.#note.replaceChildren();
    this.#results.replaceChildren(...skeletons(SKELETONS));
    this.#results.setAttribute('aria-busy', 'true');
  }

  #ask() {
    this.#section.dataset.state = 'asked';
    this.#fold();
  }

  /** Where there is little room, the results come first and the rest is a tap away. */
  #fold() {
    const asked = this.#section.dataset.state === 'asked';
    byId('search-more', HTMLDetailsElement).open = !(asked && matchMedia(NARROW).matches);
  }

  /**
   * @param {Picture} picture
   * @param {Entry[]} entries
   */
  #show(picture, entries) {
    if (picture.kind === 'url') this.#query.show(picture);
    const { collection } = this.choices;
    this.#tell(entries.length ? 'search.found' : 'search.none', { collection, count: entries.length });
    if (!entries.length) this.#note.replaceChildren(this.#emptyNote());
    const actions = { details: this.#details, searchWith: this.#searchWith };
    this.#finish(entries.map((entry) => card(entry, actions)));
  }

  #searchWith = (/** @type {URL} */ url) => void this.searchWith(url);
  #details = (/** @type {Entry} */ entry) => showDetails(entry, this.#searchWith);

  #emptyNote() {
    if (this.choices.countIn(this.choices.collection) !== 0) return say(el('p', { class: 'lead' }), 'search.none.below');
    const link = say(el('a', { href: '/?tab=import', 'data-tab': 'import' }), 'search.none.import');
    return el('div', { class: 'lead' }, say(el('p'), 'search.none.empty'), el('p', {}, link));
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#tell('search.failed');
    this.#note.replaceChildren(errorNote(error, ...(mayPass(error) ? [this.#retryButton()] : [])));
    this.#finish([]);
  }

  #retryButton() {
    return say(el('button', { class: 'button button-small', type: 'button', onclick: () => this.#repeat() }), 'retry');
  }

  /** @param {HTMLElement[]} cards */
  #finish(cards) {
    this.#results.replaceChildren(...cards);
    this.#results.removeAttribute('aria-busy');
  }

  /** @param {unknown} error of something that came to no search; what is in view stays */
  refuse(error) {
    this.reveal();
    this.#note.replaceChildren(errorNote(error));
  }

  /**
   * @param {Key} key
   * @param {import('./i18n.js').Values} [values]
   */
  #tell(key, values) {
    this.#summary.hidden = false;
    say(this.#summary, key, values);
  }
}
