// The page's language. A node remembers what it says (data-say), so a switch of language needs no redrawing.

/** @typedef {import('./texts-en.js').Key} Key */
/** @typedef {import('./texts-en.js').Text} Text */
/** @typedef {'en' | 'zh'} Language */
/** @typedef {Record<string, string | number>} Values */
/** @typedef {'alt' | 'aria-label' | 'placeholder' | 'title'} Spoken */

/** @type {Record<Key, Text>} */
let texts;
const LOCALES = { en: 'en', zh: 'zh-CN' };
const REMEMBERED = 'search-by-image.language';
/** @type {Spoken[]} */
const SPOKEN = ['alt', 'aria-label', 'placeholder', 'title'];

/** @returns {Language} */
export function language() {
  return document.documentElement.lang.startsWith('zh') ? 'zh' : 'en';
}

/** The address's `lang`, else the remembered choice, else the browser's first language that we speak. */
export async function startLanguage() {
  const asked = new URLSearchParams(location.search).get('lang') ?? remembered();
  const wishes = [asked, ...navigator.languages].map((wish) => (wish ?? '').slice(0, 2).toLowerCase());
  await speak(wishes.includes('zh') && !wishes.slice(0, wishes.indexOf('zh')).includes('en') ? 'zh' : 'en');
}

/** @param {Language} chosen */
export async function chooseLanguage(chosen) {
  try {
    localStorage.setItem(REMEMBERED, chosen);
  } catch {
    // A browser that keeps nothing: the choice holds until the page is left.
  }
  await speak(chosen);
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

/**
 * Only the language that is spoken is loaded.
 * @param {Language} chosen
 * @returns {Promise<Record<Key, Text>>}
 */
async function textsIn(chosen) {
  return chosen === 'zh' ? (await import('./texts-zh.js')).chinese : (await import('./texts-en.js')).english;
}

/** @param {Language} chosen */
async function speak(chosen) {
  texts = await textsIn(chosen);
  document.documentElement.lang = LOCALES[chosen];
  document.querySelectorAll('[data-say], [data-say-attributes]').forEach((node) => translate(node));
  document.dispatchEvent(new Event('languagechange'));
}

/**
 * @param {Key} key
 * @param {Values} [values]
 */
export function text(key, values = {}) {
  const pattern = texts[key];
  return chooseForm(pattern, values.count).replace(/\{(\w+)\}/g, (_, name) => format(values[name] ?? ''));
}

/**
 * @param {Text} pattern
 * @param {string | number | undefined} count
 */
function chooseForm(pattern, count) {
  if (typeof pattern === 'string') return pattern;
  return count === 1 ? pattern.one : pattern.other;
}

/** @param {string | number} value */
function format(value) {
  return typeof value === 'number' ? formatNumber(value) : value;
}

/**
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [options]
 */
export function formatNumber(value, options) {
  return new Intl.NumberFormat(LOCALES[language()], options).format(value);
}

/** @param {string} iso */
export function formatTime(iso) {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return iso;
  return new Intl.DateTimeFormat(LOCALES[language()], { dateStyle: 'medium', timeStyle: 'short' }).format(moment);
}

/**
 * Makes the node's whole text this sentence, in whatever language is chosen later too.
 * @template {Element} T
 * @param {T} node
 * @param {Key} key
 * @param {Values} [values]
 * @returns {T}
 */
export function say(node, key, values = {}) {
  node.setAttribute('data-say', key);
  node.setAttribute('data-say-values', JSON.stringify(values));
  node.textContent = text(key, values);
  return node;
}

/**
 * The same for an attribute.
 * @template {Element} T
 * @param {T} node
 * @param {Spoken} attribute
 * @param {Key} key
 * @param {Values} [values]
 * @returns {T}
 */
export function sayIn(node, attribute, key, values = {}) {
  node.setAttribute('data-say-attributes', '');
  node.setAttribute(`data-say-${attribute}`, key);
  node.setAttribute(`data-say-${attribute}-values`, JSON.stringify(values));
  node.setAttribute(attribute, text(key, values));
  return node;
}

/** @param {Element} node */
function translate(node) {
  const key = knownKey(node.getAttribute('data-say'));
  if (key) node.textContent = text(key, valuesOf(node, 'data-say-values'));
  for (const attribute of SPOKEN) {
    const spoken = knownKey(node.getAttribute(`data-say-${attribute}`));
    if (spoken) node.setAttribute(attribute, text(spoken, valuesOf(node, `data-say-${attribute}-values`)));
  }
}

/**
 * @param {Element} node
 * @param {string} attribute
 * @returns {Values}
 */
function valuesOf(node, attribute) {
  return JSON.parse(node.getAttribute(attribute) ?? '{}');
}

/**
 * @param {string | null} key
 * @returns {Key | null}
 */
export function knownKey(key) {
  return key !== null && Object.hasOwn(texts, key) ? /** @type {Key} */ (key) : null;
}
