// Import: a list of pictures, each with its document, sent two at a time.

import { importPicture } from './api.js';
import { NEW } from './choices.js';
import { byId, el } from './dom.js';
import { PageError, errorNote } from './errors.js';
import { say } from './i18n.js';
import { ImportItem } from './import-item.js';
import { checkSendable, fromFile, looksLikePicture, manyFromText } from './pictures.js';

/** @typedef {import('./api.js').Place} Place */
/** @typedef {import('./choices.js').Choices} Choices */
/** @typedef {import('./pictures.js').Picture} Picture */

const AT_ONCE = 2;

export class ImportView {
  /** @type {ImportItem[]} */
  #items = [];
  #running = false;
  #list = byId('import-items', HTMLUListElement);
  #note = byId('import-note', HTMLDivElement);
  #status = byId('import-status', HTMLParagraphElement);
  #run = byId('import-run', HTMLButtonElement);
  #text = byId('import-text', HTMLTextAreaElement);
  #newName = byId('import-new-name', HTMLInputElement);
  #collection = byId('import-collection', HTMLSelectElement);

  /** @param {Choices} choices */
  constructor(choices) {
    this.choices = choices;
    choices.offerPipelines(byId('import-pipeline', HTMLSelectElement));
    const last = say(el('option', { value: NEW }), 'choice.new');
    choices.offerCollections(this.#collection, { last, choose: (name) => this.#choose(name) });
    this.#listen();
  }

  #listen() {
    const file = byId('import-file', HTMLInputElement);
    file.addEventListener('change', () => {
      this.addFiles([...(file.files ?? [])]);
      file.value = '';
    });
    byId('import-form', HTMLFormElement).addEventListener('submit', (event) => this.#submit(event));
    byId('import-clear', HTMLButtonElement).addEventListener('click', () => this.#clear());
    this.#run.addEventListener('click', () => this.#import());
    addEventListener('beforeunload', (event) => this.#running && event.preventDefault());
  }

  /** @param {string} name */
  #choose(name) {
    byId('import-new', HTMLLabelElement).hidden = name !== NEW;
    if (name === NEW) this.#newName.focus();
    else this.choices.chooseCollection(name);
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    event.preventDefault();
    this.add(manyFromText(this.#text.value));
    this.#text.value = '';
  }

  /** @param {File[]} files */
  addFiles(files) {
    const pictures = files.filter(looksLikePicture);
    const count = files.length - pictures.length;
    this.add(pictures.map((file) => fromFile(file)));
    if (count) this.#note.replaceChildren(say(el('p', { class: 'note', role: 'status' }), 'import.skipped', { count }));
  }

  /** @param {Picture[]} pictures */
  add(pictures) {
    this.#note.replaceChildren();
    const items = pictures.map((picture) => new ImportItem(picture));
    for (const item of items) {
      item.addEventListener('gone', () => this.#forget(item));
      item.addEventListener('edited', () => this.#offer());
    }
    this.#items.push(...items);
    this.#list.append(...items.map(({ node }) => node));
    this.#status.replaceChildren();
    this.#offer();
  }

  /** @param {unknown} error */
  refuse(error) {
    this.#note.replaceChildren(errorNote(error));
  }

  /** @param {ImportItem} item */
  #forget(item) {
    this.#items = this.#items.filter((other) => other !== item);
    this.#offer();
  }

  #clear() {
    for (const item of [...this.#items]) item.leave();
    this.#status.replaceChildren();
  }

  get #ready() {
    return this.#items.filter((item) => item.isPending && item.isValid);
  }

  #offer() {
    const count = this.#ready.length;
    byId('import-list', HTMLDivElement).hidden = this.#items.length === 0;
    byId('import-clear', HTMLButtonElement).hidden = this.#running;
    this.#run.hidden = !this.#items.some((item) => item.isPending) && !this.#running;
    this.#run.disabled = count === 0 || this.#running;
    say(this.#run, 'import.run', { count });
  }

  get #place() {
    const isNew = this.#collection.value === NEW;
    return { pipeline: this.choices.pipeline, collection: isNew ? this.#newName.value.trim() : this.#collection.value };
  }

  async #import() {
    const place = this.#place;
    if (!place.collection) return this.#askName();
    this.#note.replaceChildren();
    const batch = this.#ready;
    this.#setRunning(true);
    await this.#sendAll(batch, place);
    this.#setRunning(false);
    const count = this.#report(batch);
    await this.#afterwards(place.collection);
    byId('import-show', HTMLAnchorElement).hidden = count === 0 || this.#running;
  }

  #askName() {
    this.refuse(new PageError('import.needs.name'));
    this.#newName.focus();
  }

  /** @param {boolean} running */
  #setRunning(running) {
    this.#running = running;
    byId('import-show', HTMLAnchorElement).hidden = true;
    this.#offer();
  }

  /**
   * @param {ImportItem[]} batch
   * @param {Place} place
   */
  async #sendAll(batch, place) {
    const queue = [...batch];
    let done = 0;
    const tell = () => say(this.#status, 'import.running', { done, total: batch.length });
    const work = async () => {
      for (let item = queue.shift(); item; item = queue.shift()) {
        await this.#send(item, place);
        done += 1;
        tell();
      }
    };
    tell();
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  /**
   * @param {ImportItem} item
   * @param {Place} place
   */
  async #send(item, place) {
    item.mark('sending');
    try {
      await checkSendable(item.picture, this.choices.uploadLimit);
      await importPicture(item.picture, item.document, place);
      item.mark('imported', place.collection);
    } catch (error) {
      item.fail(error);
    }
  }

  /**
   * @param {ImportItem[]} batch
   * @returns {number} how many were imported
   */
  #report(batch) {
    const count = batch.filter(({ state }) => state === 'imported').length;
    const failed = batch.length - count;
    say(this.#status, failed ? 'import.done.failed' : 'import.done', { count, failed });
    return count;
  }

  /** @param {string} collection a new one is there only now */
  async #afterwards(collection) {
    try {
      await this.choices.refresh();
    } catch (error) {
      return this.refuse(error);
    }
    const there = this.choices.info?.collections.some(({ name }) => name === collection);
    if (there && collection !== this.choices.collection) this.choices.chooseCollection(collection);
    byId('import-new', HTMLLabelElement).hidden = true;
  }
}
