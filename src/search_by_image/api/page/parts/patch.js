// The change between two documents as a JSON Merge Patch (RFC 7396).

import { isFields, writeJson } from '../core/json.js';

/** @typedef {import('../core/json.js').Fields} Fields */
/** @typedef {import('../core/json.js').Json} Json */

/**
 * @param {Fields} before
 * @param {Fields} after
 * @returns {Fields | null} null where no patch can say it: one cannot set a null
 */
export function patchBetween(before, after) {
  /** @type {Fields} */
  const patch = Object.fromEntries(Object.keys(before).filter((key) => !(key in after)).map((key) => [key, null]));
  for (const [key, value] of Object.entries(after)) {
    const old = before[key];
    if (old !== undefined && writeJson(old) === writeJson(value)) continue;
    const change = isFields(value) ? patchBetween(isFields(old) ? old : {}, value) : value;
    if (change === null) return null;
    patch[key] = change;
  }
  return patch;
}
