// The calls, described by Swagger UI; the key that the page has serves here too.

import { storedKey, storeKey } from './key.js';

const form = /** @type {HTMLFormElement} */ (document.getElementById('ask'));
const input = /** @type {HTMLInputElement} */ (document.getElementById('key'));

form.addEventListener('submit', (event) => {
  event.preventDefault();
  storeKey(input.value.trim());
  void show();
});

async function show() {
  const answer = await fetch('/openapi.json', { headers: keyHeaders() });
  form.hidden = answer.status !== 401;
  if (!answer.ok) return;
  /** @type {{SwaggerUIBundle: (options: Record<string, unknown>) => void}} */ (/** @type {unknown} */ (globalThis)).SwaggerUIBundle({
    spec: await answer.json(),
    dom_id: '#calls',
    deepLinking: true,
    validatorUrl: null,
    requestInterceptor: (/** @type {{headers: Record<string, string>}} */ request) => {
      request.headers = { ...keyHeaders(), ...request.headers };
      return request;
    },
  });
}

/** @returns {Record<string, string>} */
function keyHeaders() {
  const key = storedKey();
  return key ? { 'X-API-Key': key } : {};
}

addEventListener('load', show);
