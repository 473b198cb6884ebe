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

/** The service said no: `status` is its code, the message its own sentence. */
export class ServiceError extends Error {
  /**
   * @param {string} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const MAY_PASS = ['error.network', 'error.timeout', 'error.unreadable', 'http', '20000', '20004', '20008', '20009'];

/** @param {unknown} error whether the same call may succeed later */
export function mayPass(error) {
  if (error instanceof PageError) return MAY_PASS.includes(error.key);
  return error instanceof ServiceError && MAY_PASS.includes(error.status);
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === 'AbortError';
}

/**
 * @param {unknown} error
 * @param {...Node} actions
 */
export function errorNote(error, ...actions) {
  const buttons = actions.length ? el('div', { class: 'note-actions' }, ...actions) : null;
  return el('div', { class: 'note note-error', role: 'alert' }, ...sentencesOf(error), buttons);
}

/** @param {unknown} error */
export function sentencesOf(error) {
  if (error instanceof PageError) {
    const remedy = error.remedy && say(el('p'), error.remedy, error.values);
    return [say(el('p', { class: 'note-title' }), error.key, error.values), remedy];
  }
  const key = error instanceof ServiceError ? knownKey(`error.${error.status}`) : null;
  const said = error instanceof Error ? error.message : String(error);
  return [say(el('p', { class: 'note-title' }), key ?? 'error.other'), el('p', { lang: 'en' }, said)];
}
