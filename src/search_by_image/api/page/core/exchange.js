// One call to the service. Every failure is a PageError or a ServiceError; AbortError when the caller aborted.

import { PageError, ServiceError } from './errors.js';
import { isFields, readJson } from './json.js';
import { askForKey } from './key-dialog.js';
import { storedKey } from '../key.js';

/** @typedef {import('./json.js').Fields} Fields */
/** @typedef {{method?: string, body?: BodyInit, headers?: Record<string, string>, signal?: AbortSignal | undefined, keepalive?: boolean}} Sent */

const PATIENCE_MS = 120_000;
const UNAUTHENTICATED = 401;
const NO_CONTENT = 204;

/**
 * Asks for a key where the service wants one, and tries again with it.
 * @param {string} path
 * @param {Sent} [sent]
 * @returns {Promise<Fields>} {} where there is nothing to answer
 */
export async function exchange(path, sent = {}) {
  const response = await opened(path, sent);
  if (response.status === NO_CONTENT) return {};
  const answer = tryReadJson(await response.text());
  if (!answer) throw new PageError('error.unreadable', 'error.unreadable.remedy');
  return answer;
}

/**
 * The answer as it comes, once it is known to be none of the failures.
 * @param {string} path
 * @param {Sent} sent
 */
export async function opened(path, sent) {
  for (;;) {
    const key = storedKey();
    const response = await attempt(path, { ...sent, headers: { ...sent.headers, ...keyHeader() } });
    if (response.status === UNAUTHENTICATED && (await askForKey(key))) continue;
    if (!response.ok) throw problemOf(response.status, await response.text());
    return response;
  }
}

/** @returns {Record<string, string>} */
export function keyHeader() {
  const key = storedKey();
  return key ? { 'X-API-Key': key } : {};
}

/**
 * @param {string} path
 * @param {Sent} sent
 */
async function attempt(path, { signal, ...sent }) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await fetch(path, { ...sent, signal: signal ? AbortSignal.any([signal, patience]) : patience });
  } catch (error) {
    throw signal?.aborted ? new DOMException('', 'AbortError') : failureOf(error, patience.aborted);
  }
}

/**
 * @param {number} status
 * @param {string} text an RFC 9457 problem, or a proxy's page
 */
export function problemOf(status, text) {
  const problem = tryReadJson(text);
  const code = typeof problem?.code === 'string' ? problem.code : 'http';
  return new ServiceError(code, status, typeof problem?.detail === 'string' ? problem.detail : `HTTP ${status}`);
}

/**
 * @param {unknown} error
 * @param {boolean} late
 */
function failureOf(error, late) {
  if (late) return new PageError('error.timeout', 'error.timeout.remedy');
  if (error instanceof TypeError) return new PageError('error.network', 'error.network.remedy');
  return error;
}

/**
 * @param {string} text
 * @returns {Fields | null}
 */
export function tryReadJson(text) {
  try {
    const value = readJson(text);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}
