// A picture in a frame that keeps its place: a calm placeholder when there is none or it is broken.

import { el, icon } from '../core/dom.js';
import { sayIn } from '../core/i18n.js';

const EXTREME = 2.2;

/**
 * @param {string} src '' for none
 * @param {string} alt
 * @param {{lazy?: boolean}} [options]
 */
export function framed(src, alt, { lazy = true } = {}) {
  const frame = el('div', { class: 'frame' });
  const image = el('img', { alt, decoding: 'async', loading: lazy && 'lazy', referrerpolicy: 'no-referrer' });
  image.addEventListener('load', () => fit(frame, image));
  image.addEventListener('error', () => frame.replaceChildren(missing()));
  image.src = src;
  frame.append(src ? image : missing());
  return frame;
}

/**
 * Very tall and very wide pictures are shown whole.
 * @param {HTMLElement} frame
 * @param {HTMLImageElement} image
 */
function fit(frame, image) {
  const ratio = image.naturalWidth / image.naturalHeight;
  frame.classList.toggle('is-whole', ratio > EXTREME || ratio < 1 / EXTREME);
  frame.classList.add('is-loaded');
}

function missing() {
  const note = el('span', { class: 'frame-missing', role: 'img' }, icon('picture'));
  return sayIn(sayIn(note, 'aria-label', 'entry.nopicture'), 'title', 'entry.nopicture');
}
