// Files put together as a zip file without compression, which pictures would not gain from. Nothing is copied: the
// browser reads each file when it is sent.

/** @typedef {{path: string, blob: Blob}} Member */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
const UTF8 = 0x0800;
const FIRST_DAY = 0x21;
const VERSION = 20;

/**
 * @param {Member[]} members
 * @returns {Promise<Blob>}
 */
export async function zipOf(members) {
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const directory = [];
  let offset = 0;
  for (const { path, blob } of members) {
    const name = new TextEncoder().encode(path);
    const told = [VERSION, UTF8, 0, 0, FIRST_DAY, { long: await checksum(blob) }, { long: blob.size }, { long: blob.size }, name.length, 0];
    const head = packed([{ long: 0x04034b50 }, ...told], name);
    directory.push(packed([{ long: 0x02014b50 }, VERSION, ...told, 0, 0, 0, { long: 0 }, { long: offset }], name));
    parts.push(head, blob);
    offset += head.length + blob.size;
  }
  const size = directory.reduce((sum, entry) => sum + entry.length, 0);
  const end = [{ long: 0x06054b50 }, 0, 0, members.length, members.length, { long: size }, { long: offset }, 0];
  return new Blob([...parts, ...directory, packed(end, new Uint8Array())], { type: 'application/zip' });
}

/**
 * @param {(number | {long: number})[]} numbers of two bytes, or four
 * @param {Uint8Array} tail
 */
function packed(numbers, tail) {
  const bytes = numbers.flatMap((number) => (typeof number === 'number' ? little(number, 2) : little(number.long, 4)));
  return Uint8Array.from([...bytes, ...tail]);
}

/**
 * @param {number} number
 * @param {number} bytes
 */
function little(number, bytes) {
  return Array.from({ length: bytes }, (_, at) => Math.floor(number / 256 ** at) & 0xff);
}

/** @param {Blob} blob CRC-32 */
async function checksum(blob) {
  let crc = 0xffffffff;
  const reader = blob.stream().getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    for (const byte of read.value) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
