// Search: a picture or words in, the similar ones out. The address says with what; this view follows it.

import { address, go, inAddress, queryInAddress } from '../core/address.js';
import { getImage, search } from '../core/api.js';
import { ALL } from '../core/choices.js';
import { byId, el, icon } from '../core/dom.js';
import { errorNote, isAbort, mayPass, PageError } from '../core/errors.js';
import { say } from '../core/i18n.js';
import { writeJson } from '../core/json.js';
import { checkSendable, pictureUrl, sourceOf } from '../core/pictures.js';
import { captionOf, nameOf } from '../parts/entries.js';
import { Endless } from '../parts/endless.js';
import { filterFrom } from '../parts/filters.js';
import { Gallery } from '../parts/gallery.js';
import { SearchOptions, shortScore } from './options.js';
import { partsOf, queryBox, QueryFrame, queryNamed } from './query.js';
import { queryFrom } from './words.js';

/** @typedef {import('../core/choices.js').Choices} Choices */
/** @typedef {import('../parts/entries.js').Entry} Entry */
/** @typedef {import('../core/pictures.js').StoredPicture} StoredPicture */
/** @typedef {import('../core/api.js').Search} Wanted */
/** @typedef {import('./words.js').Query} Query */

const FIRST_PART = 24;
const PART = 60;
const DEEPEST = 10_000;

export class SearchView {
  #section = byId('search', HTMLElement);
  #summary = byId('search-summary', HTMLHeadingElement);
  #note = byId('search-note', HTMLDivElement);
  #time = byId('search-time', HTMLElement);
  #frame = new QueryFrame((text) => this.#ask(text));
  #running = new AbortController();
  /** @type {Query | null} */
  #query = null;
  #key = '';
  #done = '';
  /** @type {Wanted | null} */
  #wanted = null;

  /**
   * @param {Choices} choices
   * @param {import('../parts/actions.js').Actions} actions
   */
  constructor(choices, actions) {
    this.choices = choices;
    this.options = new SearchOptions(choices);
    this.actions = actions;
    const { details, similar, remove, removals } = actions;
    this.gallery = new Gallery(byId('search-results', HTMLUListElement), { details, similar, remove }, removals);
    this.gallery.addEventListener('count', () => this.#tellCount());
    this.endless = new Endless(byId('search-more', HTMLDivElement), () => this.#more());
    this.#listen();
  }

  #listen() {
    byId('search-another', HTMLButtonElement).addEventListener('click', () => this.#restart());
    byId('search-options-open', HTMLButtonElement).addEventListener('click', () => this.#toggleOptions());
    address.addEventListener('change', () => void this.follow({ focus: true }));
    this.choices.addEventListener('info', () => void this.follow({ focus: false }));
  }

  #toggleOptions() {
    const open = this.#section.classList.toggle('with-options');
    byId('search-options-open', HTMLButtonElement).setAttribute('aria-expanded', String(open));
  }

  #restart() {
    go({ tab: '', url: '', id: '', of: '', picture: '', text: '', box: '' });
    this.#section.dataset.state = 'empty';
    byId('search-file', HTMLInputElement).focus();
    scrollTo({ top: 0 });
  }

  /** @param {string} text */
  #ask(text) {
    try {
      void this.searchWith(queryFrom(text, this.choices));
    } catch (error) {
      this.refuse(error);
    }
  }

  /** @param {Query} query */
  async searchWith(query) {
    try {
      if (query.kind === 'file') await checkSendable(query, this.choices.uploadLimit);
      go({ tab: '', ...(await partsOf(query)) });
      scrollTo({ top: 0 });
    } catch (error) {
      this.refuse(error);
    }
  }

  /**
   * Shows what the address asks for, unless it is in view already.
   * @param {{focus: boolean}} how focus: on the answer to a new question, for those who do not see it come
   */
  async follow({ focus }) {
    if (!this.choices.info || inAddress('tab')) return;
    const before = this.#key;
    try {
      const query = await this.#queryNow();
      if (query === undefined) throw new PageError('error.elsewhere', 'error.elsewhere.remedy');
      if (query) await this.#searchAgain(focus && this.#key !== before);
    } catch (error) {
      this.#begin();
      this.#fail(error);
    }
  }

  async #queryNow() {
    const key = queryInAddress();
    if (key === this.#key) return this.#query;
    this.#key = key;
    this.#done = '';
    this.#query = null;
    const query = await queryNamed((place) => this.#find(place));
    if (key !== queryInAddress()) return null;
    this.#query = query ?? null;
    this.#section.dataset.state = key ? 'asked' : 'empty';
    if (query) this.#show(query);
    if (query === null) this.#clear();
    return query;
  }

  /** @param {Query} query */
  #show(query) {
    const { details, similar, remove, compare } = this.actions;
    const others = { details, similar, remove };
    this.gallery.actions = query.kind === 'words' ? others : { ...others, compare: (entry) => void compare(entry, query) };
    this.#frame.show(query);
  }

  #clear() {
    this.#running.abort();
    this.#note.replaceChildren();
    this.#summary.hidden = true;
    this.gallery.show([]);
    this.endless.offer(false);
  }

  /**
   * @param {{id: string, collection: string}} place
   * @returns {Promise<StoredPicture>}
   */
  async #find(place) {
    const entry = await getImage(place);
    return { kind: 'stored', ...place, pipeline: entry.pipeline, url: pictureUrl(entry.document)?.href ?? '', name: captionOf(entry) || nameOf(entry) };
  }

  /** @returns {Omit<Wanted, 'source'>} */
  #settings() {
    const { searched, pipeline } = this.choices;
    const filter = filterFrom(inAddress('filter'));
    return { pipeline, collection: searched === ALL ? '' : searched, box: queryBox(), min: this.options.min, filter, group: inAddress('group') };
  }

  /** @param {boolean} focus */
  async #searchAgain(focus) {
    const settings = this.#settings();
    const asked = writeJson([this.#key, settings]);
    if (asked === this.#done || !this.#query) return;
    this.#done = asked;
    this.#begin();
    if (focus) this.#summary.focus({ preventScroll: true });
    const { signal } = this.#running;
    try {
      this.#wanted = await this.#wantedOf(this.#query, settings);
      const answer = await search(this.#wanted, { offset: 0, limit: FIRST_PART }, signal);
      if (!signal.aborted) this.#tellAnswer(answer);
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.#fail(error);
    }
  }

  /**
   * @param {Query} query
   * @param {Omit<Wanted, 'source'>} settings
   * @returns {Promise<Wanted>}
   */
  async #wantedOf(query, settings) {
    if (query.kind === 'words') return { ...settings, source: { text: query.text }, box: null };
    const source = await sourceOf(query, settings);
    return { ...settings, source, box: 'id' in source ? null : settings.box };
  }

  #begin() {
    this.#running.abort();
    this.#running = new AbortController();
    this.#section.dataset.state = 'asked';
    this.#tell('search.running');
    this.#time.textContent = '';
    this.#note.replaceChildren();
    this.endless.offer(false);
    if (this.gallery.entries.length) this.gallery.list.setAttribute('aria-busy', 'true');
    else this.gallery.wait();
  }

  /** @param {import('../core/api.js').Answer} answer */
  #tellAnswer({ matches, best, milliseconds }) {
    this.gallery.show(matches);
    say(this.#time, 'search.time', { milliseconds: Math.max(1, Math.round(milliseconds)) });
    this.endless.offer(matches.length === FIRST_PART);
    if (matches.length) this.#tellCount();
    else this.#tellNone(best);
  }

  async #more() {
    const { signal } = this.#running;
    const offset = this.gallery.size;
    if (!this.#wanted || offset + PART > DEEPEST) return false;
    try {
      const { matches } = await search(this.#wanted, { offset, limit: PART }, signal);
      if (signal.aborted) return false;
      this.gallery.add(matches);
      this.#tellCount(matches.length === PART);
      return matches.length === PART;
    } catch (error) {
      if (!signal.aborted) this.#note.replaceChildren(errorNote(error));
      return false;
    }
  }

  #tellCount(more = !this.endless.foot.hidden) {
    const collection = this.choices.searched;
    const count = this.gallery.entries.length;
    if (collection === ALL) this.#tell(more ? 'search.found.all.more' : 'search.found.all', { count });
    else this.#tell(more ? 'search.found.more' : 'search.found', { collection, count });
  }

  /** @param {number | null} best */
  #tellNone(best) {
    const collection = this.choices.searched;
    this.#tell('search.none', {});
    if (best !== null) return this.#note.replaceChildren(this.#belowNote(best));
    const key = this.choices.countIn(collection) === 0 ? 'search.none.empty' : 'search.none.filtered';
    const way = key === 'search.none.empty' ? say(el('a', { class: 'button', href: '/?tab=import', 'data-tab': 'import' }), 'search.none.import') : this.#unfilter();
    this.#note.replaceChildren(emptyNote(say(el('p'), key), way));
  }

  #unfilter() {
    return say(el('button', { class: 'button', type: 'button', onclick: () => go({ filter: '' }) }), 'filter.clear');
  }

  /** @param {number} best */
  #belowNote(best) {
    const min = Math.floor(best * 100) / 100;
    const words = say(el('p'), 'search.none.below', { min: shortScore(this.options.min ?? this.choices.info?.limits.match_score ?? 0), best: best.toFixed(3) });
    const lower = el('button', { class: 'button', type: 'button', onclick: () => go({ min: String(min) }) });
    return emptyNote(words, say(lower, 'search.none.lower', { min: shortScore(min) }));
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#tell('search.failed');
    if (!this.#query) this.#frame.lack();
    this.#done = '';
    const again = el('button', { class: 'button button-small', type: 'button', onclick: () => ((this.#key = this.#query ? this.#key : ''), void this.follow({ focus: false })) });
    this.#note.replaceChildren(errorNote(error, mayPass(error) ? say(again, 'retry') : null));
    this.gallery.show([]);
    this.endless.offer(false);
  }

  /** @param {unknown} error of something that came to no search; what is in view stays */
  refuse(error) {
    go({ tab: '' });
    this.#note.replaceChildren(errorNote(error));
    this.#note.scrollIntoView({ block: 'nearest' });
  }

  /**
   * @param {import('../core/texts-en.js').Key} key
   * @param {import('../core/i18n.js').Values} [values]
   */
  #tell(key, values) {
    this.#summary.hidden = false;
    say(this.#summary, key, values);
  }
}

/**
 * @param {Node} words
 * @param {Node} way
 */
function emptyNote(words, way) {
  return el('div', { class: 'empty' }, icon('search'), words, way);
}
