// JSON whose integers keep all their digits: a document's number may be larger than JavaScript counts exactly.

/** @typedef {null | boolean | number | bigint | string | Json[] | {[key: string]: Json}} Json */
/** @typedef {{[key: string]: Json}} Fields */
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
