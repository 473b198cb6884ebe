// What is searched with: kept in the address, its picture in view with the box over it.

import { address, go, inAddress } from '../core/address.js';
import { byId, el, icon, settled } from '../core/dom.js';
import { say, sayIn } from '../core/i18n.js';
import { nameInUrl, showable } from '../core/pictures.js';
import { keep, kept } from '../core/shelf.js';
import { boxFrom, boxText } from './box.js';
import { Crop } from './crop.js';
import { framed } from '../parts/frame.js';

/** @typedef {import('../core/pictures.js').Picture} Picture */
/** @typedef {import('../core/address.js').Parts} Parts */

const PAUSE_MS = 250;
/** @type {Parts} */
const NOTHING = { url: '', id: '', of: '', picture: '', box: '' };

/** The box in the address. */
export function queryBox() {
  return boxFrom(inAddress('box'));
}

/**
 * @param {Picture} picture
 * @returns {Promise<Parts>} for the address
 */
export async function partsOf(picture) {
  if (picture.kind === 'url') return { ...NOTHING, url: picture.url };
  if (picture.kind === 'stored') return { ...NOTHING, id: picture.id, of: picture.collection };
  const key = crypto.getRandomValues(new Uint32Array(2)).join('');
  await keep('pictures', key, { blob: picture.blob, name: picture.name });
  return { ...NOTHING, picture: key };
}

/**
 * What the address names.
 * @param {(place: {id: string, collection: string}) => Promise<Picture>} find one of the library
 * @returns {Promise<Picture | null | undefined>} null: nothing; undefined: a picture that another browser has
 */
export async function pictureInAddress(find) {
  const [url, id, key] = [inAddress('url'), inAddress('id'), inAddress('picture')];
  if (url) return { kind: 'url', url, name: nameInUrl(url) };
  if (id) return find({ id, collection: inAddress('of') });
  if (!key) return null;
  const found = /** @type {{blob: Blob, name: string} | undefined} */ (await kept('pictures', key));
  return found && { kind: 'file', ...found };
}

export class QueryFrame {
  #release = () => {};
  #crop = new Crop();
  #figure = byId('query', HTMLElement);
  #whole = byId('query-whole', HTMLButtonElement);
  #mini = byId('query-mini', HTMLButtonElement);

  constructor() {
    const follow = settled(PAUSE_MS, () => this.#tell());
    this.#crop.addEventListener('change', follow);
    this.#crop.addEventListener('end', follow);
    this.#whole.addEventListener('click', () => go({ box: '' }, { step: false }));
    this.#mini.addEventListener('click', () => scrollTo({ top: 0, behavior: 'smooth' }));
    address.addEventListener('change', () => this.#setBox());
    new IntersectionObserver(([seen]) => this.#mini.classList.toggle('is-needed', !seen?.isIntersecting)).observe(this.#figure);
  }

  #tell() {
    go({ box: boxText(this.#crop.box) }, { step: false });
  }

  #setBox() {
    if (boxText(this.#crop.box) !== inAddress('box')) this.#crop.set(queryBox());
    this.#whole.hidden = !inAddress('box');
  }

  /** @param {Picture} picture */
  show(picture) {
    this.#release();
    const { src, release } = showable(picture);
    this.#release = release;
    const frame = framed(src, '', { lazy: false });
    const image = frame.querySelector('img');
    const name = nameNode(picture);
    if (image) sayIn(image, 'alt', 'search.query.alt', { name: name.textContent ?? '' });
    image?.addEventListener('load', () => this.#offerBox(frame, image));
    byId('query-frame', HTMLDivElement).replaceChildren(frame);
    byId('query-name', HTMLElement).replaceChildren(name);
    this.#mini.replaceChildren(framed(src, '', { lazy: false }), say(el('span'), 'search.query.mini'), icon('edit'));
    this.#setBox();
  }

  /** There is no such picture. */
  lack() {
    this.#release();
    byId('query-frame', HTMLDivElement).replaceChildren(framed('', ''));
    byId('query-name', HTMLElement).replaceChildren();
    this.#mini.replaceChildren();
  }

  /**
   * @param {HTMLElement} frame
   * @param {HTMLImageElement} image
   */
  #offerBox(frame, image) {
    frame.style.setProperty('--ratio', String(image.naturalWidth / image.naturalHeight));
    frame.classList.add('has-crop');
    frame.append(this.#crop.node);
  }
}

/** @param {Picture} picture */
function nameNode(picture) {
  const node = el('span', {});
  if (picture.name) node.textContent = picture.name;
  else if (picture.kind === 'url') node.textContent = picture.url;
  else say(node, 'source.pasted');
  return node;
}
