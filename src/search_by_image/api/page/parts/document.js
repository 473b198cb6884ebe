// An entry's document: read, copied, edited.

import { patchImage } from '../core/api.js';
import { el, icon } from '../core/dom.js';
import { PageError, errorNote } from '../core/errors.js';
import { say, sayIn } from '../core/i18n.js';
import { fieldsIn, writeJson } from '../core/json.js';
import { patchBetween } from './patch.js';

/** @typedef {import('./entries.js').Entry} Entry */

/** Tells `changed` with the entry as it is now. */
export class DocumentView extends EventTarget {
  node = el('section', { class: 'document' });

  /** @param {Entry} entry */
  constructor(entry) {
    super();
    this.entry = entry;
    this.#read();
  }

  #read() {
    const json = writeJson(this.entry.document, 2);
    const shown = el('pre', { class: 'json', tabindex: 0, lang: 'en', role: 'group', 'aria-labelledby': 'details-document' }, json);
    const status = el('span', { class: 'quiet', role: 'status' });
    const copy = small('copy', 'entry.copy', () => copyText(json, shown, status));
    this.node.replaceChildren(this.#head(status, copy, small('edit', 'entry.edit', () => this.#edit())), shown);
  }

  #edit() {
    const editor = el('textarea', { class: 'json', rows: 12, spellcheck: 'false', lang: 'en' });
    sayIn(editor, 'aria-label', 'entry.document');
    editor.value = writeJson(this.entry.document, 2);
    const note = el('div', {});
    const save = el('button', { class: 'button button-small button-main', type: 'button', onclick: () => this.#save(editor.value, note, save) });
    const cancel = el('button', { class: 'button button-small', type: 'button', onclick: () => this.#read() });
    this.node.replaceChildren(this.#head(say(cancel, 'cancel'), say(save, 'entry.save')), editor, note);
    editor.focus();
  }

  /**
   * @param {string} text
   * @param {HTMLElement} note
   * @param {HTMLButtonElement} save
   */
  async #save(text, note, save) {
    save.disabled = true;
    note.replaceChildren();
    try {
      const patch = patchBetween(this.entry.document, fieldsIn(text));
      if (!patch) throw new PageError('error.null', 'error.null.remedy');
      if (Object.keys(patch).length) this.#become(await patchImage(this.entry, patch));
      this.#read();
    } catch (error) {
      note.replaceChildren(errorNote(error));
    } finally {
      save.disabled = false;
    }
  }

  /** @param {Entry} entry */
  #become(entry) {
    this.entry = entry;
    this.dispatchEvent(new CustomEvent('changed', { detail: entry }));
  }

  /** @param {...Node} tools */
  #head(...tools) {
    return el('div', { class: 'json-head' }, say(el('h3', { id: 'details-document' }), 'entry.document'), ...tools);
  }
}

/**
 * @param {import('../core/dom.js').IconName} picture
 * @param {import('../core/texts-en.js').Key} key
 * @param {() => void} onclick
 */
function small(picture, key, onclick) {
  return el('button', { class: 'button button-small', type: 'button', onclick }, icon(picture), say(el('span'), key));
}

/**
 * @param {string} text
 * @param {HTMLElement} shown
 * @param {HTMLElement} status
 */
async function copyText(text, shown, status) {
  try {
    await navigator.clipboard.writeText(text);
    say(status, 'entry.copied');
  } catch {
    // No clipboard for pages without https, or none granted: the old way, which needs a selection.
    getSelection()?.selectAllChildren(shown);
    say(status, document.execCommand('copy') ? 'entry.copied' : 'entry.copy.failed');
  }
}
