// More is loaded as the reader nears the end of a list.

import { el } from '../core/dom.js';
import { say } from '../core/i18n.js';

const AHEAD = '900px';

export class Endless {
  #busy = false;
  #more = false;
  #near = false;

  /**
   * @param {HTMLElement} foot stands below the list
   * @param {() => Promise<boolean>} load whether there is more after it
   */
  constructor(foot, load) {
    this.foot = foot;
    this.load = load;
    this.button = say(el('button', { class: 'button', type: 'button', onclick: () => this.#next() }), 'more');
    foot.append(this.button);
    foot.hidden = true;
    const observer = new IntersectionObserver(([seen]) => this.#see(seen?.isIntersecting ?? false), { rootMargin: AHEAD });
    observer.observe(foot);
  }

  /** @param {boolean} more whether there is more than is shown now */
  offer(more) {
    this.#more = more;
    this.foot.hidden = !more;
    if (more && this.#isNear()) void this.#next();
  }

  /** @param {boolean} near */
  #see(near) {
    this.#near = near;
    if (near) void this.#next();
  }

  #isNear() {
    return this.#near || this.foot.getBoundingClientRect().top < innerHeight + parseInt(AHEAD);
  }

  async #next() {
    if (this.#busy || !this.#more) return;
    this.#busy = true;
    const focused = this.button === document.activeElement;
    this.foot.classList.add('is-busy');
    const more = await this.load();
    this.foot.classList.remove('is-busy');
    this.#busy = false;
    this.offer(more);
    if (focused) this.button.focus({ preventScroll: true });
  }
}
