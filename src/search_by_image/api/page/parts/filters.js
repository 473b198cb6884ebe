// Conditions on documents, between the page's own form and the service's filters.

import { isFields, readJson, writeJson } from '../core/json.js';
import { plain } from './entries.js';

/** @typedef {import('../core/json.js').Fields} Fields */
/** @typedef {import('../core/json.js').Json} Json */
/** @typedef {import('../core/api.js').Field} Field */
/** @typedef {'eq' | 'ne' | 'in' | 'gte' | 'lte' | 'gt' | 'lt' | 'exists' | 'lacks'} Operator */
/** @typedef {{path: string, operator: Operator, value: Json}} Condition */
/** @typedef {{any: boolean, conditions: Condition[]}} Built */

/** @type {readonly Operator[]} */
export const OPERATORS = ['eq', 'ne', 'in', 'gte', 'lte', 'gt', 'lt', 'exists', 'lacks'];

/**
 * @param {Operator} operator
 * @param {Field | undefined} field
 */
export function suits(operator, field) {
  const ordered = !field || field.types.some((type) => type === 'number' || type === 'text');
  return ordered || !['gte', 'lte', 'gt', 'lt'].includes(operator);
}

/** @param {Operator} operator */
export function needsValue(operator) {
  return operator !== 'exists' && operator !== 'lacks';
}

/**
 * @param {Built} built
 * @returns {string} for the address, '' for none
 */
export function filterText({ any, conditions }) {
  const parts = conditions.map(written);
  if (!parts.length) return '';
  return writeJson(parts.length === 1 ? parts[0] : { [any ? '$or' : '$and']: parts });
}

/**
 * @param {Condition} condition
 * @returns {Fields}
 */
function written({ path, operator, value }) {
  if (operator === 'eq') return { [path]: value };
  if (!needsValue(operator)) return { [path]: { $exists: operator === 'exists' } };
  return { [path]: { [`$${operator}`]: value } };
}

/**
 * @param {string} text as in the address
 * @returns {Fields | null}
 */
export function filterFrom(text) {
  try {
    const value = text ? readJson(text) : null;
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * The filter as the form shows it; null when it is beyond the form.
 * @param {Fields | null} filter
 * @returns {Built | null}
 */
export function builtFrom(filter) {
  if (!filter) return { any: false, conditions: [] };
  const any = Array.isArray(filter.$or);
  const parts = any ? filter.$or : (filter.$and ?? [filter]);
  if (!Array.isArray(parts) || Object.keys(filter).length > 1 && (filter.$or || filter.$and)) return null;
  const conditions = parts.flatMap((part) => (isFields(part) ? Object.entries(part).map(readCondition) : [null]));
  const sound = conditions.every((condition) => condition !== null) && (!any || conditions.length === parts.length);
  return sound ? { any, conditions: /** @type {Condition[]} */ (conditions) } : null;
}

/**
 * @param {[string, Json]} entry
 * @returns {Condition | null}
 */
function readCondition([path, given]) {
  if (path.startsWith('$') || Array.isArray(given)) return null;
  if (!isFields(given)) return { path, operator: 'eq', value: given };
  const [[name = '', value = null] = [], ...more] = Object.entries(given);
  const operator = OPERATORS.find((known) => `$${known}` === name);
  if (more.length) return null;
  if (name === '$exists' && typeof value === 'boolean') return { path, operator: value ? 'exists' : 'lacks', value: null };
  return operator && needsValue(operator) ? { path, operator, value } : null;
}

/**
 * What is typed means the value that documents have, as far as they are known.
 * @param {string} typed
 * @param {Field | undefined} field
 * @param {Operator} operator
 * @returns {Json}
 */
export function valueOf(typed, field, operator) {
  if (operator === 'in') return typed.split(/[,，]/).map((part) => valueOf(part.trim(), field, 'eq'));
  const known = field?.values.find(({ value }) => shown(value) === typed);
  if (known) return known.value;
  const types = field?.types ?? ['text'];
  if (types.includes('number') && typed !== '' && Number.isFinite(Number(typed))) return Number(typed);
  return types.includes('text') ? typed : (scalarFrom(typed) ?? typed);
}

/**
 * @param {string} typed
 * @returns {Json | undefined}
 */
function scalarFrom(typed) {
  return { true: true, false: false, null: null }[typed];
}

/** @param {Json} value */
export function shown(value) {
  if (Array.isArray(value)) return value.map((one) => (plain(one) || String(one))).join(', ');
  return plain(value) || (value === '' ? '""' : String(value));
}
