// Two pictures against each other: side by side, or one over the other with a line to draw across.

import { byId, el, icon } from '../core/dom.js';
import { say, sayIn } from '../core/i18n.js';
import { pictureUrl, showable } from '../core/pictures.js';
import { captionNode, captionOf, scoreText } from './entries.js';
import { framed } from './frame.js';

/** @typedef {import('./entries.js').Entry} Entry */
/** @typedef {import('../core/pictures.js').Picture} Picture */
/** @typedef {import('../core/dom.js').Child} Child */

/**
 * @param {Entry} entry
 * @param {Picture} query
 */
export function showComparison(entry, query) {
  const dialog = byId('compare', HTMLDialogElement);
  const { src, release } = showable(query);
  const yours = sideOf(src, say(el('span'), 'search.query'), query.name);
  const theirs = sideOf(pictureUrl(entry.document)?.href ?? '', captionNode(entry), captionOf(entry));
  const stage = el('div', { class: 'stage', 'data-mode': 'slide' }, yours, theirs);
  const close = sayIn(el('button', { class: 'tool', type: 'button', onclick: () => dialog.close() }, icon('close')), 'aria-label', 'close');
  const score = entry.score === null ? null : el('span', { class: 'card-score' }, scoreText(entry.score));
  const head = el('div', { class: 'dialog-head' }, say(el('h2', { id: 'compare-title' }), 'compare.title'), score, close);
  dialog.replaceChildren(head, stage, controlsOf(stage));
  dialog.addEventListener('close', release, { once: true });
  dialog.showModal();
}

/**
 * @param {string} src
 * @param {Node} caption
 * @param {string} name
 */
function sideOf(src, caption, name) {
  return el('figure', { class: 'side' }, framed(src, name, { lazy: false }), el('figcaption', {}, caption));
}

/** @param {HTMLElement} stage */
function controlsOf(stage) {
  const slider = sayIn(el('input', { type: 'range', min: 0, max: 100, value: 50, class: 'range' }), 'aria-label', 'compare.slider');
  const slide = () => stage.style.setProperty('--split', `${slider.value}%`);
  slider.addEventListener('input', slide);
  slide();
  stage.addEventListener('pointermove', (event) => event.buttons && follow(event, stage, slider));
  stage.addEventListener('pointerdown', (event) => follow(event, stage, slider));
  const swap = el('button', { class: 'button', type: 'button', onclick: () => stage.append(stage.children[0] ?? '') }, icon('swap'), say(el('span'), 'compare.swap'));
  return el('div', { class: 'compare-controls' }, modesOf(stage, slider), slider, swap);
}

/**
 * @param {PointerEvent} event
 * @param {HTMLElement} stage
 * @param {HTMLInputElement} slider
 */
function follow(event, stage, slider) {
  if (stage.dataset.mode !== 'slide') return;
  const { left, width } = stage.getBoundingClientRect();
  slider.value = String((100 * (event.clientX - left)) / width);
  slider.dispatchEvent(new Event('input'));
}

/**
 * @param {HTMLElement} stage
 * @param {HTMLInputElement} slider
 */
function modesOf(stage, slider) {
  const choose = (/** @type {string} */ mode) => {
    stage.dataset.mode = mode;
    slider.hidden = mode !== 'slide';
    for (const button of group.children) button.setAttribute('aria-pressed', String(button.getAttribute('data-mode') === mode));
  };
  const group = el('div', { class: 'segments', role: 'group' });
  sayIn(group, 'aria-label', 'compare.mode');
  for (const mode of /** @type {const} */ (['slide', 'beside'])) {
    group.append(say(el('button', { type: 'button', 'data-mode': mode, onclick: () => choose(mode) }), `compare.${mode}`));
  }
  choose('slide');
  return group;
}
