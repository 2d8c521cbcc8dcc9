/*
 * Keeps the page's own files, so that a board that was open once opens without a network. The board's content is not here: the page keeps that itself.
 *
 * The page is asked of the network first, because a new version must show at once; what is under assets/ has a digest in its name and never changes.
 */
const CACHE = 'shell-1';
/** How long a navigation waits for a network that does not answer, in milliseconds. */
const PATIENCE = 3000;

self.addEventListener('install', (event) => {
  event.waitUntil(keep(fetch('./', { cache: 'no-cache' })).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  const old = caches.keys().then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))));
  event.waitUntil(old.then(() => self.clients.claim()));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin || url.pathname.includes('/v1/')) return;
  // Other pages of this server are not the board.
  const isBoard = url.pathname === new URL(self.registration.scope).pathname;
  if (request.mode === 'navigate' && isBoard) event.respondWith(page(request));
  else if (request.mode !== 'navigate' && url.pathname.includes('/assets/')) event.respondWith(asset(request));
});

/** Puts the page and the files that it names into the cache; files that it no longer names go. */
async function keep(answer) {
  const response = await answer;
  if (!response.ok) return response;
  const cache = await caches.open(CACHE);
  const html = await response.clone().text();
  const files = [...html.matchAll(/(?:src|href)="(\.?\/?assets\/[^"]+)"/g)].map(([, path]) => new URL(path, self.registration.scope).href);
  const missing = [];
  for (const file of files) if (!(await cache.match(file))) missing.push(file);
  await cache.addAll(missing);
  await cache.put(self.registration.scope, response.clone());
  for (const request of await cache.keys()) {
    if (request.url.includes('/assets/') && !files.includes(request.url) && !html.includes(request.url.split('/').pop())) await cache.delete(request);
  }
  return response;
}

async function page(request) {
  const late = new Promise((resolve, reject) => setTimeout(() => reject(new Error('the network does not answer')), PATIENCE));
  try {
    const response = await Promise.race([fetch(request), late]);
    if (response.ok) await keep(response.clone());
    return response;
  } catch (error) {
    const kept = await caches.match(self.registration.scope);
    if (kept) return kept;
    throw error;
  }
}

async function asset(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) await (await caches.open(CACHE)).put(request, response.clone());
  return response;
}
