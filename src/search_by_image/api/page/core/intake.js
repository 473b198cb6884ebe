// Pictures from anywhere on the page: dropped, or pasted from the clipboard.

import { PageError } from './errors.js';
import { fromFile, fromText, looksLikePictureText } from './pictures.js';

/** @typedef {import('./pictures.js').Picture} Picture */
/** @typedef {{take: (pictures: Picture[]) => void, takeDrop: (drop: DataTransfer) => void, refuse: (error: unknown) => void}} Taker */

const EDITABLE = 'input:not([type="file"], [type="checkbox"], [type="range"]), textarea, [contenteditable]';
const UNNAMED = /^image\.\w+$/i;

/** Shows `veil` while something that may be a picture is dragged over the page. */
export class Intake {
  #ignored = false;

  /**
   * @param {HTMLElement} veil
   * @param {Taker} taker
   */
  constructor(veil, taker) {
    this.veil = veil;
    this.taker = taker;
    document.addEventListener('dragstart', (event) => this.#begin(event));
    document.addEventListener('dragend', () => this.#end());
    document.addEventListener('dragover', (event) => this.#over(event));
    document.addEventListener('dragleave', (event) => event.relatedTarget === null && this.#unveil());
    document.addEventListener('drop', (event) => this.#drop(event));
    document.addEventListener('paste', (event) => this.#paste(event));
  }

  /** @param {DragEvent} event a link or a text of the page that is dragged is no picture */
  #begin(event) {
    this.#ignored = !(event.target instanceof HTMLImageElement);
  }

  #end() {
    this.#ignored = false;
    this.#unveil();
  }

  /** @param {DragEvent} event */
  #over(event) {
    if (!this.#wants(event)) return;
    event.preventDefault();
    this.veil.hidden = false;
  }

  #unveil() {
    this.veil.hidden = true;
  }

  /** @param {DragEvent} event */
  #wants(event) {
    const types = event.dataTransfer?.types ?? [];
    return !this.#ignored && (types.includes('Files') || types.includes('text/uri-list'));
  }

  /** @param {DragEvent} event */
  #drop(event) {
    if (!this.#wants(event) || !event.dataTransfer) return;
    event.preventDefault();
    this.#unveil();
    const address = event.dataTransfer.getData('text/uri-list').split(/\r?\n/)[0] ?? '';
    if (event.dataTransfer.files.length) this.taker.takeDrop(event.dataTransfer);
    else this.#takeText(address);
  }

  /** @param {string} text */
  #takeText(text) {
    try {
      this.taker.take([fromText(text)]);
    } catch (error) {
      this.taker.refuse(error);
    }
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    const typing = event.target instanceof Element && event.target.closest(EDITABLE);
    if (files.length) {
      event.preventDefault();
      this.taker.take(files.map(pasted));
    } else if (!typing) this.#pasteText(event.clipboardData?.getData('text/plain') ?? '');
  }

  /** @param {string} text */
  #pasteText(text) {
    if (looksLikePictureText(text)) this.#takeText(text);
    else this.taker.refuse(new PageError('error.clipboard', 'error.clipboard.remedy'));
  }
}

/** @param {File} file browsers call every pasted picture image.png */
function pasted(file) {
  const moment = new Date().toISOString().slice(0, 19).replace(/\D/g, '');
  return fromFile(file, UNNAMED.test(file.name) ? `pasted-${moment}.${file.name.split('.').pop()}` : file.name);
}
