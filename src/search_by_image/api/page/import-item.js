// One picture on the list of those to import: its document, and what became of it.

import { el } from './dom.js';
import { sentencesOf } from './errors.js';
import { framed } from './entries.js';
import { say, sayIn, text } from './i18n.js';
import { isFields, readJson, writeJson } from './json.js';
import { nameInUrl, showable } from './pictures.js';

/** @typedef {import('./pictures.js').Picture} Picture */
/** @typedef {'waiting' | 'sending' | 'imported' | 'failed'} State */

let made = 0;

/** Tells `gone` when it is taken off the list, `edited` when its document changed. */
export class ImportItem extends EventTarget {
  /** @type {State} */
  state = 'waiting';
  #release = () => {};
  #status = el('div', { class: 'item-status' });
  #invalid = el('p', { class: 'item-invalid', id: `item-invalid-${(made += 1)}` });

  /** @param {Picture} picture */
  constructor(picture) {
    super();
    this.picture = picture;
    this.name = picture.name || text('source.base64');
    this.editor = this.#editor();
    this.remove = this.#removeButton();
    this.node = this.#node();
    this.mark('waiting');
  }

  #node() {
    const { src, release } = showable(this.picture);
    this.#release = release;
    const frame = framed(src, '');
    frame.querySelector('img')?.addEventListener('load', release, { once: true });
    const head = el('div', { class: 'item-head' }, el('h3', { class: 'item-name' }, this.name), this.remove);
    return el('li', { class: 'item' }, frame, el('div', { class: 'item-words' }, head, this.editor, this.#invalid, this.#status));
  }

  #editor() {
    const rows = 'url' in this.picture ? 5 : 4;
    const attributes = { class: 'json', rows, spellcheck: 'false', lang: 'en', 'aria-describedby': this.#invalid.id };
    const editor = el('textarea', { ...attributes, oninput: () => this.#check() });
    editor.value = writeJson(defaultDocument(this.picture), 2);
    return sayIn(editor, 'aria-label', 'import.document', { name: this.name });
  }

  #removeButton() {
    const button = say(el('button', { class: 'button button-small', type: 'button', onclick: () => this.leave() }), 'entry.remove');
    return sayIn(button, 'aria-label', 'import.drop.one', { name: this.name });
  }

  leave() {
    this.#release();
    this.node.remove();
    this.dispatchEvent(new Event('gone'));
  }

  get document() {
    return this.editor.value;
  }

  get isValid() {
    try {
      return isFields(readJson(this.document));
    } catch {
      return false;
    }
  }

  get isPending() {
    return this.state === 'waiting' || this.state === 'failed';
  }

  #check() {
    const valid = this.isValid;
    this.editor.setAttribute('aria-invalid', String(!valid));
    if (valid) this.#invalid.replaceChildren();
    else say(this.#invalid, 'import.invalid');
    this.dispatchEvent(new Event('edited'));
  }

  /**
   * @param {State} state
   * @param {string} [collection]
   */
  mark(state, collection = '') {
    this.state = state;
    this.node.dataset.state = state;
    this.editor.readOnly = !this.isPending;
    this.remove.hidden = state === 'sending';
    if (state === 'waiting') this.#status.replaceChildren();
    else say(this.#status, state === 'sending' ? 'import.sending' : 'import.imported', { collection });
  }

  /** @param {unknown} error */
  fail(error) {
    this.mark('waiting');
    this.state = 'failed';
    this.node.dataset.state = 'failed';
    this.#status.removeAttribute('data-say');
    this.#status.replaceChildren(...sentencesOf(error).filter((node) => node instanceof Node));
  }
}

/** @param {Picture} picture */
function defaultDocument(picture) {
  const id = picture.name || `base64-${Date.now()}-${made}`;
  const document = { id, name: id.replace(/\.\w{2,5}$/, '') };
  return picture.kind === 'url' ? { ...document, url: picture.url } : document;
}
