// What was picked and not yet imported, and how it is to be imported.

import { byId, el, icon } from '../core/dom.js';
import { PageError } from '../core/errors.js';
import { say } from '../core/i18n.js';
import { fieldsIn } from '../core/json.js';
import { framed } from '../parts/frame.js';
import { countOf, nothingPicked } from './picks.js';

/** @typedef {import('./picks.js').Picks} Picks */
/** @typedef {{picks: Picks, document: string, prefix: string}} Draft */

const SHOWN = 24;

export class Tray {
  picks = nothingPicked();
  #node = byId('tray', HTMLElement);
  #pictures = byId('tray-pictures', HTMLUListElement);
  #run = byId('import-run', HTMLButtonElement);
  #document = byId('import-document', HTMLTextAreaElement);
  #prefix = byId('import-prefix', HTMLInputElement);
  /** @type {string[]} */
  #urls = [];

  /** @param {(draft: Draft) => void} changed */
  constructor(changed) {
    this.changed = changed;
    byId('import-clear', HTMLButtonElement).addEventListener('click', () => this.empty());
    this.#document.addEventListener('input', () => this.#document.setAttribute('aria-invalid', String(!this.#isValid())));
    for (const field of [this.#document, this.#prefix]) field.addEventListener('change', () => this.#tell());
  }

  #tell() {
    this.changed({ picks: this.picks, document: this.#document.value, prefix: this.#prefix.value });
  }

  /** @param {Draft} draft of before a reload */
  restore({ picks, document, prefix }) {
    [this.#document.value, this.#prefix.value] = [document, prefix];
    this.set(picks);
  }

  /** What was in it is on its way. */
  empty() {
    this.#document.value = '';
    this.set(nothingPicked());
  }

  /** @param {Picks} picks */
  set(picks) {
    this.picks = picks;
    for (const url of this.#urls.splice(0)) URL.revokeObjectURL(url);
    const { files, zips } = picks;
    const count = countOf(picks);
    this.#node.hidden = count + zips.length === 0;
    byId('tray-extras', HTMLElement).hidden = count === 0;
    this.#pictures.replaceChildren(...this.#tiles());
    this.#tellWhat();
    if (zips.length) say(this.#run, 'import.run.zip');
    else say(this.#run, 'import.run', { count });
    byId('import-prefix-part', HTMLElement).hidden = files.length === 0;
    byId('import-left', HTMLElement).hidden = picks.left === 0;
    say(byId('import-left', HTMLElement), 'import.left', { count: picks.left });
    say(byId('import-document-label', HTMLElement), count === 1 ? 'import.document.one' : 'import.document.many');
    this.#tell();
  }

  #tellWhat() {
    const { files, zips, urls } = this.picks;
    const sides = files.filter(({ side }) => side).length;
    /** @type {[import('../core/texts-en.js').Key, number][]} */
    const told = [['tray.files', files.length], ['tray.sides', sides], ['tray.urls', urls.length], ['tray.zips', zips.length]];
    const parts = told.filter(([, count]) => count).map(([key, count]) => say(el('span'), key, { count }));
    byId('tray-what', HTMLElement).replaceChildren(...parts);
  }

  #tiles() {
    const { files, zips, urls } = this.picks;
    const sources = [...files.slice(0, SHOWN).map(({ path, blob }) => [path, this.#show(blob)]), ...urls.slice(0, SHOWN).map((url) => [url, ''])];
    const tiles = sources.slice(0, SHOWN).map(([name = '', src = '']) => el('li', { title: name }, framed(src, ''), el('span', {}, name.split('/').pop() || name)));
    const archives = zips.map(({ name }) => el('li', { title: name }, el('div', { class: 'frame' }, icon('folder')), el('span', {}, name)));
    const more = files.length + urls.length - tiles.length;
    const rest = more > 0 ? [say(el('li', { class: 'tray-rest' }), 'tray.more', { count: more })] : [];
    return [...archives, ...tiles, ...rest];
  }

  /** @param {Blob} blob */
  #show(blob) {
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    return url;
  }

  #isValid() {
    try {
      this.extras();
      return true;
    } catch {
      return false;
    }
  }

  /**
   * What each document gets. Raises PageError.
   * @returns {import('./picks.js').Extras}
   */
  extras() {
    const document = this.#document.value.trim() ? fieldsIn(this.#document.value) : {};
    if ('id' in document && countOf(this.picks) > 1) throw new PageError('error.oneid', 'error.oneid.remedy');
    return { document, prefix: prefixIn(this.#prefix.value.trim()) };
  }

  /** @param {unknown} error */
  complain(error) {
    if (error instanceof PageError && error.key === 'error.prefix') this.#prefix.focus();
    else this.#document.focus();
  }
}

/** @param {string} text */
function prefixIn(text) {
  if (!text) return '';
  if (!/^(https?:\/\/[^/\s]+|\/(?!\/))/i.test(text)) throw new PageError('error.prefix', 'error.prefix.remedy');
  return text.endsWith('/') ? text : `${text}/`;
}
