// The form in which a filter is put together from the fields that the library has.

import { address, go, inAddress } from '../core/address.js';
import { el, icon } from '../core/dom.js';
import { say, sayIn, text } from '../core/i18n.js';
import { builtFrom, filterFrom, filterText, needsValue, OPERATORS, shown, suits, valueOf } from './filters.js';

/** @typedef {import('./filters.js').Built} Built */
/** @typedef {import('./filters.js').Condition} Condition */
/** @typedef {import('./filters.js').Operator} Operator */
/** @typedef {import('../core/api.js').Field} Field */

let made = 0;

/** What it builds is in the address. */
export class FilterBuilder {
  /** @type {Field[]} */
  #fields = [];
  #number = (made += 1);
  #chips = el('ul', { class: 'chips' });
  #any = el('select', { class: 'filter-any', onchange: () => this.#joinBy(this.#any.value === 'any') });
  #path = el('select', { id: `filter-path-${this.#number}`, onchange: () => this.#choosePath() });
  #operator = el('select', { id: `filter-operator-${this.#number}`, onchange: () => this.#chooseOperator() });
  #value = el('input', { id: `filter-value-${this.#number}`, list: `filter-values-${this.#number}`, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' });
  #values = el('datalist', { id: `filter-values-${this.#number}` });
  #form = el('form', { class: 'filter-form', hidden: true, onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.#add()) });
  #open = el('button', { class: 'button button-small', type: 'button', 'aria-expanded': 'false', onclick: () => this.#toggle(this.#form.hidden) });

  /**
   * @param {HTMLElement} place
   * @param {() => Promise<Field[]>} learn
   */
  constructor(place, learn) {
    this.learn = learn;
    this.#open.append(icon('filter'), say(el('span'), 'filter.add'));
    this.#any.append(...['all', 'any'].map((how) => say(el('option', { value: how }), how === 'any' ? 'filter.any' : 'filter.all')));
    sayIn(this.#any, 'aria-label', 'filter.joined');
    this.#form.append(
      labelled('filter.field', this.#path),
      labelled('filter.operator', this.#operator),
      labelled('filter.value', this.#value),
      this.#values,
      say(el('button', { class: 'button button-small button-main', type: 'submit' }), 'filter.apply'),
    );
    place.append(el('div', { class: 'filter-line' }, this.#chips, this.#any, this.#open), this.#form);
    address.addEventListener('change', () => this.#show());
    document.addEventListener('languagechange', () => this.#show());
    this.#show();
  }

  /** @returns {Built | null} */
  get #built() {
    return builtFrom(filterFrom(inAddress('filter')));
  }

  #show() {
    const built = this.#built;
    const chips = built ? built.conditions.map((condition, at) => this.#chip(condition, at)) : [this.#rawChip()];
    this.#chips.replaceChildren(...chips);
    this.#chips.hidden = !chips.length;
    this.#any.hidden = (built?.conditions.length ?? 0) < 2;
    this.#any.value = built?.any ? 'any' : 'all';
    this.#open.hidden = !built;
  }

  /**
   * @param {Condition} condition
   * @param {number} at
   */
  #chip({ path, operator, value }, at) {
    const words = needsValue(operator) ? `${path} ${text(`filter.${operator}`)} ${shown(value)}` : `${path} ${text(`filter.${operator}`)}`;
    return chip(words, () => this.#drop(at));
  }

  #rawChip() {
    return chip(inAddress('filter'), () => go({ filter: '' }));
  }

  /** @param {number} at */
  #drop(at) {
    const { any, conditions } = this.#built ?? { any: false, conditions: [] };
    go({ filter: filterText({ any, conditions: conditions.filter((_, other) => other !== at) }) });
    this.#open.focus();
  }

  /** @param {boolean} any */
  #joinBy(any) {
    go({ filter: filterText({ any, conditions: this.#built?.conditions ?? [] }) });
  }

  /** @param {boolean} open */
  async #toggle(open) {
    this.#form.hidden = !open;
    this.#open.setAttribute('aria-expanded', String(open));
    if (!open) return;
    this.#fields = (await this.learn()).sort((one, other) => rank(one) - rank(other));
    this.#path.replaceChildren(...this.#fields.map(({ path }) => el('option', { value: path }, path)));
    this.#choosePath();
    this.#path.focus();
  }

  get #field() {
    return this.#fields.find(({ path }) => path === this.#path.value);
  }

  #choosePath() {
    const field = this.#field;
    const offered = OPERATORS.filter((operator) => suits(operator, field));
    this.#operator.replaceChildren(...offered.map((operator) => say(el('option', { value: operator }), `filter.${operator}`)));
    this.#values.replaceChildren(...(field?.values ?? []).map(({ value }) => el('option', { value: shown(value) })));
    this.#value.value = '';
    this.#value.placeholder = field ? hint(field) : '';
    this.#chooseOperator();
  }

  #chooseOperator() {
    const needed = needsValue(this.#chosen);
    this.#value.closest('label')?.toggleAttribute('hidden', !needed);
    this.#value.required = needed;
  }

  get #chosen() {
    return OPERATORS.find((operator) => operator === this.#operator.value) ?? 'eq';
  }

  #add() {
    if (!this.#path.value) return;
    const { any, conditions } = this.#built ?? { any: false, conditions: [] };
    const operator = this.#chosen;
    const value = needsValue(operator) ? valueOf(this.#value.value.trim(), this.#field, operator) : null;
    go({ filter: filterText({ any, conditions: [...conditions, { path: this.#path.value, operator, value }] }) });
    void this.#toggle(false);
    this.#open.focus();
  }
}

/** @param {Field} field first those that tell pictures apart by kinds, then the deeper ones */
function rank({ path, values, count }) {
  const isKind = count > 1 && values.length > 1 && values.some((value) => value.count > 1);
  return path.split('.').length * 2 - Number(isKind);
}

/** @param {Field} field */
function hint({ lowest, highest, values }) {
  if (lowest !== null && highest !== null) return `${lowest} – ${highest}`;
  return values[0] ? shown(values[0].value) : '';
}

/**
 * @param {string} words
 * @param {() => void} drop
 */
function chip(words, drop) {
  const button = sayIn(el('button', { class: 'chip-drop', type: 'button', onclick: drop }, icon('close')), 'aria-label', 'filter.drop', { condition: words });
  return el('li', { class: 'chip' }, el('span', {}, words), button);
}

/**
 * @param {import('../core/texts-en.js').Key} key
 * @param {HTMLElement} control
 */
function labelled(key, control) {
  return el('label', {}, say(el('span'), key), control);
}
