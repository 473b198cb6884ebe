// The page's address is its state: Back, Forward, a reload and a shared link all come to the same view.

/**
 * `url`, `id` with `of` (its collection), `picture` (kept in this browser) or `text` is what is searched with.
 * @typedef {'tab' | 'pipeline' | 'collection' | 'url' | 'id' | 'of' | 'picture' | 'text' | 'box' | 'min' | 'filter' | 'group' | 'sort'} Part
 * @typedef {Partial<Record<Part, string>>} Parts
 */

const KEPT = 'search-by-image.';
const READABLE = /%2C|%3A|%2F/g;

/** Tells `change` when the address has changed, by whomever. */
export const address = new EventTarget();

export function followHistory() {
  addEventListener('popstate', () => tell());
}

function tell() {
  address.dispatchEvent(new Event('change'));
}

/** @param {Part} part */
export function inAddress(part) {
  return new URLSearchParams(location.search).get(part) ?? '';
}

/** What in the address tells one query from another; '' for none, and where another section is in view. */
export function queryInAddress() {
  if (inAddress('tab')) return '';
  return ['url', 'id', 'of', 'picture', 'text'].map((part) => inAddress(/** @type {Part} */ (part))).join('\n').trim();
}

/**
 * The address with these parts changed; empty ones leave it.
 * @param {Parts} parts
 */
export function addressWith(parts) {
  const url = new URL(location.href);
  for (const [part, value] of Object.entries(parts)) {
    if (value) url.searchParams.set(part, value);
    else url.searchParams.delete(part);
  }
  url.search = url.search.replace(READABLE, decodeURIComponent);
  return url.href;
}

/**
 * @param {Parts} parts
 * @param {{step?: boolean}} [options] step: the browser's Back comes here again
 */
export function go(parts, { step = true } = {}) {
  const href = addressWith(parts);
  if (href === location.href) return;
  if (step) history.pushState(null, '', href);
  else history.replaceState(null, '', href);
  tell();
}

/** A search by a picture of the library. @param {{id: string, collection: string}} entry */
export function similarTo({ id, collection }) {
  go({ tab: '', url: '', picture: '', text: '', box: '', id, of: collection });
  scrollTo({ top: 0 });
}

/** @param {'pipeline' | 'collection'} part of the last visit */
export function lastChoice(part) {
  try {
    return localStorage.getItem(KEPT + part) ?? '';
  } catch {
    return '';
  }
}

/**
 * @param {'pipeline' | 'collection'} part
 * @param {string} value
 */
export function keepChoice(part, value) {
  try {
    localStorage.setItem(KEPT + part, value);
  } catch {
    // A browser that keeps nothing: the address still does.
  }
}
