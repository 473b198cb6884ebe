// A part of a picture: left, top, right, bottom as shares of it. The whole of it is no part.

/** @typedef {[number, number, number, number]} Box */
/** @typedef {{x: -1 | 0 | 1, y: -1 | 0 | 1}} Side which edges a handle moves; 0, 0 moves all */

/** @type {Box} */
export const WHOLE = [0, 0, 1, 1];
const SMALLEST = 0.04;
const PLACES = 1000;

/**
 * @param {string} text as in the address
 * @returns {Box | null}
 */
export function boxFrom(text) {
  const [left = NaN, top = NaN, right = NaN, bottom = NaN] = text.split(',').map(Number);
  const sound = left >= 0 && top >= 0 && right <= 1 && bottom <= 1 && left < right && top < bottom;
  return text && sound ? [left, top, right, bottom] : null;
}

/** @param {Box | null} box */
export function boxText(box) {
  const rounded = (box ?? WHOLE).map((share) => Math.round(share * PLACES) / PLACES);
  return rounded.join() === WHOLE.join() ? '' : rounded.join();
}

/**
 * @param {Box} box
 * @param {Side} side
 * @param {number} across how far, as a share of the width
 * @param {number} down
 * @returns {Box}
 */
export function moved([left, top, right, bottom], { x, y }, across, down) {
  if (!x && !y) {
    const [dx, dy] = [clamp(across, -left, 1 - right), clamp(down, -top, 1 - bottom)];
    return [left + dx, top + dy, right + dx, bottom + dy];
  }
  return [
    x < 0 ? clamp(left + across, 0, right - SMALLEST) : left,
    y < 0 ? clamp(top + down, 0, bottom - SMALLEST) : top,
    x > 0 ? clamp(right + across, left + SMALLEST, 1) : right,
    y > 0 ? clamp(bottom + down, top + SMALLEST, 1) : bottom,
  ];
}

/**
 * @param {[number, number]} one
 * @param {[number, number]} other
 * @returns {Box}
 */
export function spanned([ax, ay], [bx, by]) {
  const [left, right] = [clamp(Math.min(ax, bx), 0, 1), clamp(Math.max(ax, bx), 0, 1)];
  const [top, bottom] = [clamp(Math.min(ay, by), 0, 1), clamp(Math.max(ay, by), 0, 1)];
  return [left, top, right, bottom];
}

/** @param {Box} box */
export function isLargeEnough([left, top, right, bottom]) {
  return right - left >= SMALLEST && bottom - top >= SMALLEST;
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
