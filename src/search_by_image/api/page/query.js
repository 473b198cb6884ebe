// The picture searched with, which stays in view beside its results.

import { el } from './dom.js';
import { framed } from './entries.js';
import { say, sayIn } from './i18n.js';
import { showable } from './pictures.js';

/** @typedef {import('./pictures.js').Picture} Picture */

export class QueryFrame {
  #release = () => {};

  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.figure = figure;
  }

  /** @param {Picture} picture */
  show(picture) {
    this.#release();
    const { src, release } = showable(picture);
    this.#release = release;
    this.#fill(picture, src);
  }

  /** @param {Picture} picture an address, not looked at before the service has */
  expect(picture) {
    this.#release();
    this.#fill(picture, '');
  }

  /**
   * @param {Picture} picture
   * @param {string} src
   */
  #fill(picture, src) {
    const name = nameNode(picture);
    const caption = el('figcaption', {}, say(el('span', { class: 'query-title' }), 'search.query'), name);
    const frame = framed(src, '', { lazy: false });
    const image = frame.querySelector('img');
    if (image) sayIn(image, 'alt', 'search.query.alt', { name: name.textContent ?? '' });
    this.figure.replaceChildren(frame, caption);
    this.figure.hidden = false;
  }
}

/** @param {Picture} picture */
function nameNode(picture) {
  const node = el('span', { class: 'query-name' });
  if (picture.kind === 'url') node.textContent = picture.url;
  else if (picture.name) node.textContent = picture.name;
  else say(node, picture.kind === 'base64' ? 'source.base64' : 'source.pasted');
  return node;
}
