// Failures as the page tells them: a calm sentence in the reader's language, and the remedy.

import { el } from './dom.js';
import { knownKey, say } from './i18n.js';

/** @typedef {import('./texts-en.js').Key} Key */
/** @typedef {import('./i18n.js').Values} Values */

/** A failure whose sentences are the page's own. */
export class PageError extends Error {
  /**
   * @param {Key} key
   * @param {Key} [remedy]
   * @param {Values} [values]
   */
  constructor(key, remedy, values = {}) {
    super(key);
    this.key = key;
    this.remedy = remedy;
    this.values = values;
  }
}

/** The service said no: `code` is stable, the message its own sentence. */
export class ServiceError extends Error {
  /**
   * @param {string} code
   * @param {number} status
   * @param {string} message
   */
  constructor(code, status, message) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** @type {Record<string, Key>} What one can do, by the service's code. */
const REMEDIES = {
  not_an_image: 'remedy.picture',
  invalid_image: 'remedy.picture',
  empty_image: 'remedy.picture',
  truncated_image: 'remedy.picture',
  image_too_large: 'remedy.smaller',
  upload_too_large: 'remedy.smaller',
  archive_refused: 'remedy.archive',
  fetch_failed: 'remedy.address',
  fetch_refused: 'remedy.address',
  fetch_timeout: 'remedy.address',
  unknown_name: 'remedy.gone',
  not_found: 'remedy.gone',
  precondition_failed: 'remedy.renew',
  vector_mismatch: 'remedy.pipeline',
  pipeline_failed: 'remedy.pipeline',
  unauthenticated: 'remedy.key',
  forbidden: 'remedy.key',
  rate_limited: 'remedy.later',
  overloaded: 'remedy.later',
  request_timeout: 'remedy.later',
  store_unavailable: 'remedy.later',
  store_error: 'remedy.later',
};
const MAY_PASS = ['error.network', 'error.timeout', 'error.unreadable'];
const MAY_PASS_STATUS = [401, 408, 429];

/** @param {unknown} error whether the same call may succeed later */
export function mayPass(error) {
  if (error instanceof PageError) return MAY_PASS.includes(error.key);
  if (!(error instanceof ServiceError)) return false;
  return error.status >= 500 || MAY_PASS_STATUS.includes(error.status) || error.code.startsWith('fetch_');
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === 'AbortError';
}

/**
 * @param {unknown} error
 * @param {...(Node | null)} actions
 */
export function errorNote(error, ...actions) {
  const buttons = actions.some(Boolean) ? el('div', { class: 'note-actions' }, ...actions) : null;
  return el('div', { class: 'note note-error', role: 'alert' }, ...sentencesOf(error), buttons);
}

/** @param {unknown} error */
function sentencesOf(error) {
  if (error instanceof PageError) {
    const remedy = error.remedy && say(el('p'), error.remedy, error.values);
    return [say(el('p', { class: 'note-title' }), error.key, error.values), remedy];
  }
  const code = error instanceof ServiceError ? error.code : '';
  const remedy = REMEDIES[code] && say(el('p'), REMEDIES[code]);
  return [titleOf(code, 'p'), remedy, el('p', { lang: 'en', class: 'note-detail' }, error instanceof Error ? error.message : String(error))];
}

/**
 * What a code of the service means.
 * @param {string} code
 * @param {'p' | 'span'} tag
 */
export function titleOf(code, tag) {
  return say(el(tag, { class: 'note-title' }), knownKey(`error.code.${code}`) ?? 'error.other');
}
