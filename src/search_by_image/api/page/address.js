// What the page's address remembers: the section, the pipeline, the collection, the library's filter and page.

/** @typedef {'tab' | 'pipeline' | 'collection' | 'all' | 'field' | 'value' | 'page'} Part */

const KEPT = 'search-by-image.';

/** @param {Part} part */
export function inAddress(part) {
  return new URLSearchParams(location.search).get(part) ?? '';
}

/**
 * Empty values leave the address.
 * @param {Partial<Record<Part, string>>} parts
 * @param {{step?: boolean}} [options] step: the browser's Back comes here again
 */
export function putInAddress(parts, { step = false } = {}) {
  const url = new URL(location.href);
  for (const [part, value] of Object.entries(parts)) {
    if (value) url.searchParams.set(part, value);
    else url.searchParams.delete(part);
  }
  if (url.href === location.href) return;
  if (step) history.pushState(null, '', url);
  else history.replaceState(null, '', url);
}

/**
 * The address's word, else that of the last visit.
 * @param {'pipeline' | 'collection'} part
 */
export function lastChoice(part) {
  try {
    return inAddress(part) || (localStorage.getItem(KEPT + part) ?? '');
  } catch {
    return inAddress(part);
  }
}

/**
 * @param {'pipeline' | 'collection'} part
 * @param {string} value
 */
export function keepChoice(part, value) {
  putInAddress({ [part]: value });
  try {
    localStorage.setItem(KEPT + part, value);
  } catch {
    // A browser that keeps nothing: the address still does.
  }
}
