// Which pipeline and which collection: known from the service, chosen once for all sections.

import { address, go, inAddress, keepChoice, lastChoice } from './address.js';
import { getFields, getInfo } from './api.js';
import { el } from './dom.js';
import { say } from './i18n.js';

/** @typedef {import('./api.js').Info} Info */
/** @typedef {import('./api.js').Field} Field */

/** In the address: all collections. No collection can have this name. */
export const ALL = '*';
export const NEW = '+';

/** Tells `info` when the service was asked. */
export class Choices extends EventTarget {
  /** @type {Info | null} */
  info = null;
  /** @type {Map<string, Promise<Field[]>>} */
  #fields = new Map();

  get pipeline() {
    const offers = this.info?.pipelines ?? [];
    return known(inAddress('pipeline'), offers, known(lastChoice('pipeline'), offers, offers[0]?.name ?? ''));
  }

  /** Whether the pipeline's model has a text side. */
  get takesWords() {
    return this.info?.pipelines.some(({ name, text }) => text && name === this.pipeline) ?? false;
  }

  /** One that there is. */
  get collection() {
    const offers = this.info?.collections ?? [];
    const usual = known(this.info?.default_collection ?? '', offers, offers[0]?.name ?? '');
    return known(inAddress('collection'), offers, known(lastChoice('collection'), offers, usual));
  }

  /** The same, or ALL. */
  get searched() {
    return inAddress('collection') === ALL ? ALL : this.collection;
  }

  get uploadLimit() {
    return this.info?.limits.max_upload_bytes ?? Infinity;
  }

  /** @param {string} collection or ALL; null when unknown */
  countIn(collection) {
    const counts = this.info?.collections.filter(({ name }) => collection === ALL || name === collection);
    return counts?.length ? counts.reduce((sum, { count }) => sum + count, 0) : null;
  }

  async refresh() {
    this.info = await getInfo();
    this.#fields.clear();
    this.dispatchEvent(new Event('info'));
  }

  /**
   * The fields of the documents there; none where they cannot be learned.
   * @param {string} collection or ALL
   */
  async fieldsOf(collection) {
    const names = collection === ALL ? (this.info?.collections ?? []).filter(({ count }) => count).map(({ name }) => name) : [collection];
    const found = await Promise.all(names.map((name) => this.#learned(name)));
    const merged = new Map(found.flat().map((field) => [field.path, field]));
    return [...merged.values()];
  }

  /** @param {string} name */
  #learned(name) {
    const known = this.#fields.get(name) ?? getFields(name).catch(() => /** @type {Field[]} */ ([]));
    this.#fields.set(name, known);
    return known;
  }

  /** @param {HTMLSelectElement} select */
  offerPipelines(select) {
    const fill = () => {
      select.replaceChildren(...(this.info?.pipelines ?? []).map(({ name }) => el('option', { value: name }, name)));
      select.value = this.pipeline;
    };
    const choose = (/** @type {string} */ pipeline) => (keepChoice('pipeline', pipeline), go({ pipeline }));
    this.#keepFilled(select, fill, choose);
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {{first?: HTMLOptionElement, last?: HTMLOptionElement, current?: () => string, choose?: (chosen: string) => void}} [extra]
   */
  offerCollections(select, { first, last, current, choose } = {}) {
    const fill = () => {
      const options = (this.info?.collections ?? []).map(({ name, count }) =>
        say(el('option', { value: name }), 'choice.counted', { name, count }),
      );
      const isNew = last !== undefined && select.value === NEW;
      select.replaceChildren(...[first, ...options, last].filter((option) => option !== undefined));
      select.value = isNew ? NEW : current ? current() : this.collection;
    };
    this.#keepFilled(select, fill, choose ?? ((name) => this.chooseCollection(name)));
  }

  /** @param {string} collection */
  chooseCollection(collection) {
    if (collection !== ALL) keepChoice('collection', collection);
    go({ collection });
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {() => void} fill
   * @param {(chosen: string) => void} choose
   */
  #keepFilled(select, fill, choose) {
    this.addEventListener('info', fill);
    address.addEventListener('change', fill);
    select.addEventListener('change', () => choose(select.value));
    fill();
  }
}

/**
 * @param {string} wish
 * @param {{name: string}[]} offers
 * @param {string} otherwise
 */
function known(wish, offers, otherwise) {
  return offers.some(({ name }) => name === wish) ? wish : otherwise;
}
