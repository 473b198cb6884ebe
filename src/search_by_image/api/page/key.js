// The API key, kept until the tab is closed.

const PLACE = 'search-by-image-key';

/** @returns {string} '' when there is none */
export function storedKey() {
  return sessionStorage.getItem(PLACE) ?? '';
}

/** @param {string} key '' forgets it */
export function storeKey(key) {
  if (key) sessionStorage.setItem(PLACE, key);
  else sessionStorage.removeItem(PLACE);
}
