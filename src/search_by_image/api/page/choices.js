// Which pipeline and which collection: known from the service, chosen once for all sections.

import { keepChoice, lastChoice } from './address.js';
import { getInfo } from './api.js';
import { el } from './dom.js';
import { say } from './i18n.js';

/** @typedef {import('./api.js').Info} Info */

export const ALL = '';
export const NEW = '+';

/** Tells `info` when the service was asked, `change` when another pipeline or collection was chosen. */
export class Choices extends EventTarget {
  /** @type {Info | null} */
  info = null;
  pipeline = lastChoice('pipeline');
  collection = lastChoice('collection');

  get place() {
    return { pipeline: this.pipeline, collection: this.collection };
  }

  get uploadLimit() {
    return this.info?.limits.max_upload_bytes ?? Infinity;
  }

  /** @param {string} collection '' for all together; null when unknown */
  countIn(collection) {
    const counts = this.info?.collections.filter(({ name }) => collection === ALL || name === collection);
    return counts?.length ? counts.reduce((sum, { count }) => sum + count, 0) : null;
  }

  async refresh() {
    this.info = await getInfo();
    const { pipelines, collections, default_collection: usual } = this.info;
    this.pipeline = known(this.pipeline, pipelines, pipelines[0]?.name ?? '');
    this.collection = known(this.collection, collections, known(usual, collections, collections[0]?.name ?? ''));
    this.dispatchEvent(new Event('info'));
  }

  /** @param {string} pipeline */
  choosePipeline(pipeline) {
    this.pipeline = pipeline;
    keepChoice('pipeline', pipeline);
    this.#changed();
  }

  /** @param {string} collection */
  chooseCollection(collection) {
    this.collection = collection;
    keepChoice('collection', collection);
    this.#changed();
  }

  /** Goes back to what the address says, after the browser's Back. */
  follow() {
    const { pipeline, collection } = this.place;
    this.pipeline = known(lastChoice('pipeline'), this.info?.pipelines ?? [], pipeline);
    this.collection = known(lastChoice('collection'), this.info?.collections ?? [], collection);
    if (pipeline !== this.pipeline || collection !== this.collection) this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }

  /** @param {HTMLSelectElement} select */
  offerPipelines(select) {
    const fill = () => {
      const options = (this.info?.pipelines ?? []).map(({ name }) => el('option', { value: name }, name));
      select.replaceChildren(...options);
      select.value = this.pipeline;
    };
    this.#keepFilled(select, fill, (chosen) => this.choosePipeline(chosen));
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
      select.replaceChildren(...[first, ...options, last].filter((option) => option !== undefined));
      select.value = current ? current() : this.collection;
    };
    this.#keepFilled(select, fill, choose ?? ((chosen) => this.chooseCollection(chosen)));
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {() => void} fill
   * @param {(chosen: string) => void} choose
   */
  #keepFilled(select, fill, choose) {
    this.addEventListener('info', fill);
    this.addEventListener('change', fill);
    select.addEventListener('change', () => choose(select.value));
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
