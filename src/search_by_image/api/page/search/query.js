// What is searched with: kept in the address, its picture in view with the box over it, or its words.

import { address, go, inAddress } from '../core/address.js';
import { byId, el, icon, settled } from '../core/dom.js';
import { say, sayIn } from '../core/i18n.js';
import { nameInUrl, showable } from '../core/pictures.js';
import { keep, kept } from '../core/shelf.js';
import { boxFrom, boxText } from './box.js';
import { Crop } from './crop.js';
import { framed } from '../parts/frame.js';
import { fromWords } from './words.js';

/** @typedef {import('../core/pictures.js').Picture} Picture */
/** @typedef {import('./words.js').Query} Query */
/** @typedef {import('../core/address.js').Parts} Parts */

const PAUSE_MS = 250;
/** @type {Parts} */
const NOTHING = { url: '', id: '', of: '', picture: '', text: '', box: '' };

/** The box in the address. */
export function queryBox() {
  return boxFrom(inAddress('box'));
}

/**
 * @param {Query} query
 * @returns {Promise<Parts>} for the address
 */
export async function partsOf(query) {
  if (query.kind === 'words') return { ...NOTHING, text: query.text };
  if (query.kind === 'url') return { ...NOTHING, url: query.url };
  if (query.kind === 'stored') return { ...NOTHING, id: query.id, of: query.collection };
  const key = crypto.getRandomValues(new Uint32Array(2)).join('');
  await keep('pictures', key, { blob: query.blob, name: query.name });
  return { ...NOTHING, picture: key };
}

/**
 * What the address names.
 * @param {(place: {id: string, collection: string}) => Promise<Picture>} find one of the library
 * @returns {Promise<Query | null | undefined>} null: nothing; undefined: a picture that another browser has
 */
export async function queryNamed(find) {
  const [url, id, text, key] = [inAddress('url'), inAddress('id'), inAddress('text'), inAddress('picture')];
  if (url) return { kind: 'url', url, name: nameInUrl(url) };
  if (id) return find({ id, collection: inAddress('of') });
  if (text) return fromWords(text);
  if (!key) return null;
  const found = /** @type {{blob: Blob, name: string} | undefined} */ (await kept('pictures', key));
  return found && { kind: 'file', ...found };
}

export class QueryFrame {
  #release = () => {};
  #crop = new Crop();
  #place = byId('query', HTMLDivElement);
  #figure = byId('query-picture', HTMLElement);
  #text = sayIn(el('input', { type: 'text', autocomplete: 'off' }), 'aria-label', 'search.words');
  #form = el('form', { id: 'query-words', class: 'line', hidden: true }, this.#text, say(el('button', { class: 'button', type: 'submit' }), 'search.go'));
  #whole = byId('query-whole', HTMLButtonElement);
  #mini = byId('query-mini', HTMLButtonElement);

  /** @param {(text: string) => void} ask when other words are typed */
  constructor(ask) {
    const follow = settled(PAUSE_MS, () => this.#tell());
    this.#crop.addEventListener('change', follow);
    this.#crop.addEventListener('end', follow);
    this.#whole.addEventListener('click', () => go({ box: '' }, { step: false }));
    this.#mini.addEventListener('click', () => scrollTo({ top: 0, behavior: 'smooth' }));
    address.addEventListener('change', () => this.#setBox());
    new IntersectionObserver(([seen]) => this.#mini.classList.toggle('is-needed', !seen?.isIntersecting)).observe(this.#place);
    this.#place.append(this.#form);
    this.#form.addEventListener('submit', (event) => (event.preventDefault(), ask(this.#text.value)));
  }

  #tell() {
    go({ box: boxText(this.#crop.box) }, { step: false });
  }

  #setBox() {
    if (boxText(this.#crop.box) !== inAddress('box')) this.#crop.set(queryBox());
    this.#whole.hidden = !inAddress('box');
  }

  /** @param {Query} query */
  show(query) {
    this.#release();
    this.#release = () => {};
    this.#choose(query.kind === 'words');
    if (query.kind === 'words') this.#showWords(query.text);
    else this.#showPicture(query);
    this.#setBox();
  }

  /** @param {boolean} inWords */
  #choose(inWords) {
    this.#figure.hidden = inWords;
    this.#form.hidden = !inWords;
    say(byId('search-another-text', HTMLElement), inWords ? 'search.anew' : 'search.another');
  }

  /** @param {string} text */
  #showWords(text) {
    this.#text.value = text;
    this.#mini.replaceChildren(icon('search'), el('span', {}, text), icon('edit'));
  }

  /** @param {Picture} picture */
  #showPicture(picture) {
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
  }

  /** There is no such picture. */
  lack() {
    this.#release();
    this.#choose(false);
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
