// Files from what was dropped or chosen, those of folders included, each with its path.

/** @typedef {{path: string, file: File}} Found */

/**
 * @param {DataTransfer} drop must be asked at once, in the drop itself
 * @returns {Promise<Found[]>}
 */
export async function gathered(drop) {
  const entries = [...drop.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files = chosen([...drop.files]);
  if (!entries.some((entry) => entry.isDirectory)) return files;
  return (await Promise.all(entries.map(walk))).flat();
}

/**
 * @param {File[]} files
 * @returns {Found[]}
 */
export function chosen(files) {
  return files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<Found[]>}
 */
async function walk(entry) {
  if (isFile(entry)) return [{ path: entry.fullPath.replace(/^\//, ''), file: await fileOf(entry) }];
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {Found[]} */
  const found = [];
  for (let part = await readPart(reader); part.length; part = await readPart(reader)) {
    found.push(...(await Promise.all(part.map(walk))).flat());
  }
  return found;
}

/**
 * @param {FileSystemEntry} entry
 * @returns {entry is FileSystemFileEntry}
 */
function isFile(entry) {
  return entry.isFile;
}

/**
 * @param {FileSystemFileEntry} entry
 * @returns {Promise<File>}
 */
function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/**
 * @param {FileSystemDirectoryReader} reader gives some at a time, none at the end
 * @returns {Promise<FileSystemEntry[]>}
 */
function readPart(reader) {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}
