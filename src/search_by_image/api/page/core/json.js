// JSON whose integers keep all their digits: a document's number may be larger than JavaScript counts exactly.

import { PageError } from './errors.js';

/** @typedef {import('./json-types.d.ts').Json} Json */
/** @typedef {import('./json-types.d.ts').Fields} Fields */
/** @typedef {{source?: string}} Parsed */

const INTEGER = /^-?\d+$/;

/**
 * @param {string} text
 * @returns {Json}
 */
export function readJson(text) {
  /** @type {(this: unknown, key: string, value: Json, parsed?: Parsed) => Json} */
  const exact = (_key, value, parsed) => {
    const source = parsed?.source ?? '';
    return typeof value === 'number' && !Number.isSafeInteger(value) && INTEGER.test(source) ? BigInt(source) : value;
  };
  return JSON.parse(text, exact);
}

/**
 * @param {unknown} value
 * @param {number} [indent]
 * @returns {string}
 */
export function writeJson(value, indent) {
  const raw = /** @type {{rawJSON?: (text: string) => unknown}} */ (/** @type {unknown} */ (JSON)).rawJSON;
  const whole = (/** @type {string} */ _key, /** @type {unknown} */ inner) =>
    typeof inner === 'bigint' ? (raw?.(`${inner}`) ?? Number(inner)) : inner;
  return JSON.stringify(value, whole, indent);
}

/**
 * @param {Json | undefined} value
 * @returns {value is Fields}
 */
export function isFields(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * @param {string} text as someone typed it. Raises PageError where it is no JSON object.
 * @returns {Fields}
 */
export function fieldsIn(text) {
  try {
    const value = readJson(text);
    if (isFields(value)) return value;
  } catch {
    // Not JSON at all is told as what it is not, too.
  }
  throw new PageError('error.noobject', 'error.noobject.remedy');
}
