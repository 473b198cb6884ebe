// Nodes are built here, never from markup: what a document says can only ever become text.

import { PATHS } from './icons.js';

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Attribute */
/** @typedef {keyof typeof PATHS} IconName */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} [attributes] a function is a listener: `{onclick: ...}`
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  node.append(...children.filter(isPresent));
  return node;
}

/**
 * @param {HTMLElement} node
 * @param {string} name
 * @param {Attribute} value
 */
function setAttribute(node, name, value) {
  if (typeof value === 'function') node.addEventListener(name.slice(2), value);
  else if (value === true) node.setAttribute(name, '');
  else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
}

/**
 * @param {Child} child
 * @returns {child is Node | string}
 */
function isPresent(child) {
  return child !== null && child !== undefined && child !== false;
}

/** @param {IconName} name drawn in the colour of the text around it */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  for (const [key, value] of Object.entries({ class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' })) svg.setAttribute(key, value);
  svg.append(path);
  return svg;
}

/** The icons that stand in the page's own markup. */
export function drawIcons() {
  for (const place of document.querySelectorAll('[data-icon]')) {
    const name = place.getAttribute('data-icon') ?? '';
    if (Object.hasOwn(PATHS, name)) place.prepend(icon(/** @type {IconName} */ (name)));
  }
}

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} with the id ${id}.`);
  return found;
}

/**
 * Calls `run` when there were no further calls for that long.
 * @param {number} milliseconds
 * @param {() => void} run
 */
export function settled(milliseconds, run) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, milliseconds);
  };
}
