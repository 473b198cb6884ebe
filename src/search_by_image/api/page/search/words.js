// Words to search by, told from the address of a picture and from Base64 text.

import { PageError } from '../core/errors.js';
import { fromText, looksLikePictureText } from '../core/pictures.js';

/** @typedef {import('../core/choices.js').Choices} Choices */
/** @typedef {import('../core/pictures.js').Picture} Picture */
/** @typedef {{kind: 'words', text: string, name: string}} Words */
/** @typedef {Picture | Words} Query */

const LINK = /^([a-z][a-z0-9+.-]*:\/\/|data:|\/)/i;
const ADDRESS = /^\S+[.:/]\S+$/;

/**
 * @param {string} text
 * @returns {Words}
 */
export function fromWords(text) {
  return { kind: 'words', text, name: text };
}

/**
 * @param {string} text as someone typed it
 * @param {Choices} choices
 * @returns {Query}
 */
export function queryFrom(text, choices) {
  const typed = text.trim();
  if (!typed) throw new PageError('error.notext', 'error.notext.remedy');
  const isLink = LINK.test(typed) || ADDRESS.test(typed);
  const isOneWord = !/\s/.test(typed);
  const isBase64 = looksLikePictureText(typed) && (isOneWord || !choices.takesWords);
  if (isLink || isBase64) return fromText(typed);
  if (choices.takesWords) return fromWords(typed);
  throw new PageError('error.words', 'error.words.remedy', { pipeline: choices.pipeline });
}
