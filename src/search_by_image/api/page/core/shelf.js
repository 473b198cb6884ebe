// What this browser keeps for a reload: pictures that were searched with, the contents of imports. Nothing leaves it.

/** @typedef {'pictures' | 'imports'} Kind */

const NAME = 'search-by-image';
const MOST = 12;

/** @type {Promise<IDBDatabase | null> | null} */
let opening = null;
/** For browsers that keep nothing. @type {Map<string, unknown>} */
const memory = new Map();

/**
 * @param {Kind} kind
 * @param {string} key
 * @param {unknown} value
 */
export async function keep(kind, key, value) {
  memory.set(kind + key, value);
  const store = await storeOf(kind, 'readwrite');
  if (!store) return;
  await finished(store.put({ value, kept: Date.now() }, key)).catch(() => {});
  await tidy(kind);
}

/**
 * @param {Kind} kind
 * @param {string} key
 * @returns {Promise<unknown>} undefined when it is not there
 */
export async function kept(kind, key) {
  if (memory.has(kind + key)) return memory.get(kind + key);
  const store = await storeOf(kind, 'readonly');
  const found = store && (await finished(store.get(key)).catch(() => null));
  return found?.value;
}

/** @param {Kind} kind the oldest make room */
async function tidy(kind) {
  const store = await storeOf(kind, 'readonly');
  if (!store) return;
  const [keys, rows] = await Promise.all([finished(store.getAllKeys()), finished(store.getAll())]);
  const old = keys.map((key, at) => ({ key, kept: rows[at]?.kept ?? 0 })).sort((a, b) => b.kept - a.kept).slice(MOST);
  const writing = old.length ? await storeOf(kind, 'readwrite') : null;
  for (const { key } of old) writing?.delete(key);
}

/**
 * @param {Kind} kind
 * @param {IDBTransactionMode} mode
 */
async function storeOf(kind, mode) {
  opening ??= open();
  const database = await opening;
  return database?.transaction(kind, mode).objectStore(kind) ?? null;
}

/** @returns {Promise<IDBDatabase | null>} */
async function open() {
  try {
    const request = indexedDB.open(NAME, 1);
    request.addEventListener('upgradeneeded', () => {
      for (const kind of ['pictures', 'imports']) request.result.createObjectStore(kind);
    });
    return await finished(request);
  } catch {
    return null;
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function finished(request) {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
  });
}
