// The box over the query's picture: moved and sized by mouse, touch and keyboard; drawn anew beside it.

import { el } from '../core/dom.js';
import { formatNumber, sayIn } from '../core/i18n.js';
import { boxText, isLargeEnough, moved, spanned, WHOLE } from './box.js';

/** @typedef {import('./box.js').Box} Box */
/** @typedef {import('./box.js').Side} Side */
/** @typedef {import('../core/texts-en.js').Key} Key */

const KEY_STEP = 0.02;
const BIG_STEP = 0.1;
/** @type {[Side, Key][]} */
const CORNERS = [
  [{ x: -1, y: -1 }, 'crop.nw'],
  [{ x: 1, y: -1 }, 'crop.ne'],
  [{ x: 1, y: 1 }, 'crop.se'],
  [{ x: -1, y: 1 }, 'crop.sw'],
];
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Tells `change` with every movement, `end` when a movement is over. */
export class Crop extends EventTarget {
  /** @type {Box} */
  box = WHOLE;

  constructor() {
    super();
    this.area = el('div', { class: 'crop-box' });
    const move = this.#handle({ x: 0, y: 0 }, 'crop.move', 'crop-move');
    this.area.append(move, ...CORNERS.map(([side, key]) => this.#handle(side, key, `crop-handle ${key.replace('.', '-')}`)));
    this.node = sayIn(el('div', { class: 'crop', role: 'group' }, this.area), 'aria-label', 'crop');
    this.node.addEventListener('pointerdown', (event) => this.#draw(event));
    this.set(WHOLE);
  }

  /** @param {Box | null} box */
  set(box) {
    this.box = box ?? WHOLE;
    ['left', 'top', 'right', 'bottom'].forEach((side, at) => this.node.style.setProperty(`--${side}`, `${100 * (this.box[at] ?? 0)}%`));
    this.node.classList.toggle('is-whole', boxText(this.box) === '');
  }

  /**
   * @param {Side} side
   * @param {Key} key
   * @param {string} className
   */
  #handle(side, key, className) {
    const handle = el('button', { class: className, type: 'button' });
    handle.addEventListener('pointerdown', (event) => this.#drag(event, handle, (from, across, down) => moved(from, side, across, down)));
    handle.addEventListener('keydown', (event) => this.#press(event, side));
    handle.addEventListener('focus', () => this.#describe(handle, key));
    this.addEventListener('end', () => this.#describe(handle, key));
    return sayIn(handle, 'aria-label', key, { left: 0, top: 0, right: 100, bottom: 100 });
  }

  /**
   * @param {HTMLElement} handle
   * @param {Key} key
   */
  #describe(handle, key) {
    const [left = '', top = '', right = '', bottom = ''] = this.box.map((share) => formatNumber(Math.round(100 * share)));
    sayIn(handle, 'aria-label', key, { left, top, right, bottom });
  }

  /**
   * @param {PointerEvent} event
   * @param {HTMLElement} target
   * @param {(from: Box, across: number, down: number) => Box} boxAt
   */
  #drag(event, target, boxAt) {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    target.focus({ preventScroll: true });
    target.setPointerCapture(event.pointerId);
    const [from, frame] = [this.box, this.node.getBoundingClientRect()];
    const follow = (/** @type {PointerEvent} */ now) =>
      this.#change(boxAt(from, (now.clientX - event.clientX) / frame.width, (now.clientY - event.clientY) / frame.height));
    const listening = new AbortController();
    const end = () => (listening.abort(), this.#end());
    target.addEventListener('pointermove', follow, listening);
    for (const over of ['pointerup', 'pointercancel']) target.addEventListener(over, end, listening);
  }

  /** @param {PointerEvent} event beside the box: a new one */
  #draw(event) {
    const frame = this.node.getBoundingClientRect();
    /** @type {[number, number]} */
    const start = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
    const boxAt = (/** @type {Box} */ from, /** @type {number} */ across, /** @type {number} */ down) => {
      const drawn = spanned(start, [start[0] + across, start[1] + down]);
      return isLargeEnough(drawn) ? drawn : from;
    };
    this.#drag(event, this.node, boxAt);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Side} side
   */
  #press(event, side) {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    const step = event.shiftKey ? BIG_STEP : KEY_STEP;
    this.#change(moved(this.box, side, arrow[0] * step, arrow[1] * step));
    this.#end();
  }

  /** @param {Box} box */
  #change(box) {
    this.set(box);
    this.dispatchEvent(new Event('change'));
  }

  #end() {
    this.dispatchEvent(new Event('end'));
  }
}
