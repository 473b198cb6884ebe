// Import: pictures are picked, put into jobs, and the jobs followed, also after a reload.

import { inAddress } from '../core/address.js';
import { NEW } from '../core/choices.js';
import { byId, el } from '../core/dom.js';
import { errorNote, PageError } from '../core/errors.js';
import { say } from '../core/i18n.js';
import { keep, kept } from '../core/shelf.js';
import { chosen, gathered } from './gather.js';
import { JobCard } from './job-card.js';
import { followed, listJobs, startJob } from './jobs-api.js';
import { bytesPicked, isEmpty, loadsOf, uploadOf, withFiles, withText } from './picks.js';
import { Tray } from './tray.js';

/** @typedef {import('../core/choices.js').Choices} Choices */
/** @typedef {import('./picks.js').Load} Load */
/** @typedef {import('./picks.js').Extras} Extras */
/** @typedef {import('./jobs-api.js').Job} Job */
/** @typedef {{collection: string, pipeline: string, on_duplicate: string}} Place */
/** @typedef {{load: Load, extras: Extras, place: Place}} Sent what is needed to try failed items again */

const KEPT_BYTES = 64 * 2 ** 20;
const DRAFT = 'draft';

export class ImportView {
  #tray = new Tray((draft) => void this.#keep(draft));
  #note = byId('import-note', HTMLDivElement);
  #list = byId('jobs', HTMLUListElement);
  #collection = byId('import-collection', HTMLSelectElement);
  #newName = byId('import-new-name', HTMLInputElement);
  /** @type {Map<string, JobCard>} */
  #cards = new Map();
  #uploading = 0;

  /**
   * @param {Choices} choices
   * @param {{show: (collection: string) => void, imported: () => void}} actions
   */
  constructor(choices, actions) {
    this.choices = choices;
    this.actions = actions;
    choices.offerPipelines(byId('import-pipeline', HTMLSelectElement));
    const last = say(el('option', { value: NEW }), 'choice.new');
    choices.offerCollections(this.#collection, { last, choose: (name) => this.#choose(name) });
    this.#listen();
    void this.#restore();
  }

  /** What is not sent yet survives a reload, up to a size. @param {import('./tray.js').Draft} draft */
  async #keep(draft) {
    await keep('imports', DRAFT, bytesPicked(draft.picks) <= KEPT_BYTES ? draft : null);
  }

  async #restore() {
    const draft = /** @type {import('./tray.js').Draft | null | undefined} */ (await kept('imports', DRAFT));
    if (draft && isEmpty(this.#tray.picks)) this.#tray.restore(draft);
  }

  #listen() {
    for (const id of ['import-file', 'import-folder']) {
      const input = byId(id, HTMLInputElement);
      input.addEventListener('change', () => {
        this.add(chosen([...(input.files ?? [])]));
        input.value = '';
      });
    }
    byId('import-form', HTMLFormElement).addEventListener('submit', (event) => this.#addText(event));
    byId('import-run', HTMLButtonElement).addEventListener('click', () => void this.#import());
    addEventListener('beforeunload', (event) => this.#uploading && event.preventDefault());
  }

  /** @param {string} name */
  #choose(name) {
    byId('import-new', HTMLElement).hidden = name !== NEW;
    if (name === NEW) this.#newName.focus();
    else this.choices.chooseCollection(name);
  }

  /** @param {Event} event */
  #addText(event) {
    event.preventDefault();
    const text = byId('import-text', HTMLTextAreaElement);
    try {
      this.#tray.set(withText(this.#tray.picks, text.value));
      text.value = '';
      this.#note.replaceChildren();
    } catch (error) {
      this.refuse(error);
    }
  }

  /** @param {DataTransfer} drop */
  async takeDrop(drop) {
    this.add(await gathered(drop));
  }

  /** @param {import('./gather.js').Found[]} found */
  add(found) {
    this.#note.replaceChildren();
    this.#tray.set(withFiles(this.#tray.picks, found));
    if (!this.#tray.picks.files.length && !this.#tray.picks.zips.length && found.length) this.refuse(new PageError('error.nopictures', 'error.nopictures.remedy'));
  }

  /** @param {import('../core/pictures.js').Picture[]} pictures that were pasted */
  take(pictures) {
    const files = pictures.flatMap((picture) => (picture.kind === 'file' ? [{ path: picture.name, file: new File([picture.blob], picture.name, { type: picture.blob.type || 'image/jpeg' }) }] : []));
    const urls = pictures.flatMap((picture) => (picture.kind === 'url' ? [picture.url] : []));
    this.add(files);
    if (urls.length) this.#tray.set(withText(this.#tray.picks, urls.join('\n')));
  }

  /** @param {unknown} error */
  refuse(error) {
    this.#note.replaceChildren(errorNote(error));
    this.#note.scrollIntoView({ block: 'nearest' });
  }

  /** @returns {Place} */
  get #place() {
    const isNew = this.#collection.value === NEW;
    const on_duplicate = byId('import-skip', HTMLInputElement).checked ? 'skip' : 'replace';
    return { pipeline: this.choices.pipeline, collection: isNew ? this.#newName.value.trim() : this.#collection.value, on_duplicate };
  }

  async #import() {
    try {
      const [extras, place] = [this.#tray.extras(), this.#place];
      if (!place.collection) throw new PageError('import.needs.name');
      const loads = loadsOf(this.#tray.picks);
      this.#tray.empty();
      this.#note.replaceChildren();
      this.#uploading += loads.length;
      for (const load of loads) await this.#send({ load, extras, place }).finally(() => (this.#uploading -= 1));
    } catch (error) {
      this.refuse(error);
      if (error instanceof PageError && error.key === 'import.needs.name') this.#newName.focus();
      else this.#tray.complain(error);
    }
  }

  /** @param {Sent} sent */
  async #send(sent) {
    const card = new JobCard();
    this.#list.prepend(card.node);
    byId('jobs-part', HTMLElement).hidden = false;
    card.prepare(sent.place.collection, sizeOf(sent.load));
    try {
      const upload = await uploadOf(sent.load, sent.extras);
      const { collection, ...options } = sent.place;
      const job = await startJob(collection, upload, options, (share) => card.upload(share));
      if (bytesOf(sent.load) <= KEPT_BYTES) await keep('imports', job.id, sent);
      this.#follow(job, card, sent);
    } catch (error) {
      card.fail(error);
    }
  }

  /** The jobs that the service knows, also of others. */
  async refresh() {
    if (inAddress('tab') !== 'import' || !this.choices.info?.features.includes('jobs')) return;
    try {
      for (const job of (await listJobs()).reverse()) if (!this.#cards.has(job.id)) this.#follow(job, this.#placed());
    } catch (error) {
      this.refuse(error);
    }
    byId('jobs-part', HTMLElement).hidden = this.#list.childElementCount === 0;
  }

  #placed() {
    const card = new JobCard();
    this.#list.prepend(card.node);
    return card;
  }

  /**
   * @param {Job} job
   * @param {JobCard} card
   * @param {Sent} [sent]
   */
  #follow(job, card, sent) {
    this.#cards.set(job.id, card);
    card.show(job);
    card.addEventListener('show', () => this.actions.show(job.collection));
    card.addEventListener('retry', (event) => void this.#retry(job, event instanceof CustomEvent ? event.detail : [], sent));
    if (!job.finished) void this.#watch(job, card);
  }

  /**
   * @param {Job} job
   * @param {JobCard} card
   */
  async #watch(job, card) {
    try {
      for await (const now of followed(job.id, new AbortController().signal)) card.show(now);
      this.actions.imported();
    } catch (error) {
      card.fail(error);
    }
  }

  /**
   * @param {Job} job
   * @param {number[]} numbers
   * @param {Sent} [sent]
   */
  async #retry(job, numbers, sent) {
    const known = sent ?? /** @type {Sent | undefined} */ (await kept('imports', job.id));
    if (!known) return this.refuse(new PageError('error.gone', 'error.gone.remedy', { collection: job.collection }));
    await this.#send({ ...known, load: failedOf(known.load, numbers) });
  }
}

/**
 * @param {Load} load
 * @param {number[]} numbers from 1
 * @returns {Load}
 */
function failedOf(load, numbers) {
  const failed = new Set(numbers);
  const isFailed = (/** @type {unknown} */ _, /** @type {number} */ at) => failed.has(at + 1);
  if (load.kind === 'files') return { kind: 'files', files: load.files.filter(isFailed) };
  return load.kind === 'urls' ? { kind: 'urls', urls: load.urls.filter(isFailed) } : load;
}

/** @param {Load} load */
function sizeOf(load) {
  if (load.kind === 'zip') return 0;
  return load.kind === 'files' ? load.files.length : load.urls.length;
}

/** @param {Load} load */
function bytesOf(load) {
  if (load.kind === 'urls') return 0;
  return load.kind === 'zip' ? load.zip.size : load.files.reduce((sum, { blob }) => sum + blob.size, 0);
}
