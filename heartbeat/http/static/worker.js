// The service worker of the console as an app: it shows pages, answers them, and says what was last known where there is
// no connection. It asks no other host than the one it comes from.
"use strict";
const home = new URL("../", self.location).href;
const STATE = "heartbeat", SHOWN = 5;
const [SCRIPT, ...STYLES] = ["lost.js", "theme.css", "style.css"].map((name) => `${home}static/${name}`);
const LOST = "Not answered: heartbeat cannot be reached. Press again, or open it.";

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));

async function install() {
  const kept = await caches.open(STATE);
  await kept.addAll([SCRIPT, ...STYLES]);
  await self.skipWaiting();
}

async function activate() {
  await self.clients.claim();
  const subscription = await self.registration.pushManager?.getSubscription();
  if (subscription && !(await recall("device"))) {
    await remember("device", { subscription, key: base64(subscription.options.applicationServerKey) });
  }
  await tellRenewal();
}

// The browser has ended its subscription. A new one for the same key takes its place, and heartbeat is told by the old
// one, which only this browser and heartbeat know. Who cannot be told now is told later.
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

async function renew({ oldSubscription, newSubscription }) {
  const kept = (await recall("device")) ?? {};
  const old = kept.old ?? kept.subscription ?? oldSubscription;
  const applicationServerKey = oldSubscription?.options?.applicationServerKey ?? kept.key;
  if (!old || !(newSubscription || applicationServerKey)) return;
  const subscription = newSubscription
    ?? (await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey }));
  await remember("device", { ...kept, subscription, old });
  await tellRenewal();
}

async function tellRenewal() {
  const { old, ...kept } = (await recall("device")) ?? {};
  if (!old) return;
  const body = JSON.stringify({ old, new: kept.subscription });
  const reply = await fetch(`${home}callbacks/push/renewal`, { method: "POST", body }).catch(() => null);
  if (reply?.ok || [400, 404].includes(reply?.status)) await remember("device", kept);
}

const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// A page: its title and first line, with its answer and the incident as buttons. It stays until it is answered, and the
// next notice of its incident takes its place.
self.addEventListener("push", (event) => event.waitUntil(arrive(event.data.json())));

async function arrive(page) {
  await show(page, { body: page.line });
  // Two pages can come at once. Each waits for its turn, so that neither is forgotten.
  listing = listing.then(() => list(page)).catch(() => null);
  await listing;
  await fetch(`${home}callbacks/push`, { method: "POST", body: JSON.stringify({ arrived: page.id }) }).catch(() => null);
}

let listing = Promise.resolve();

async function list({ title, tag, at }) {
  const pages = (await recall("pages")) ?? [];
  await remember("pages", [{ title, tag, at }, ...pages.filter((one) => one.tag !== tag)].slice(0, SHOWN));
}

function show(page, { body, answer = page.answer, stays = page.stays, rings = page.rings }) {
  const actions = [answer && { action: "answer", title: page.label }, page.open && { action: "open", title: "Open" }];
  return self.registration.showNotification(page.title, {
    body,
    tag: page.tag,
    timestamp: Date.parse(page.at),
    requireInteraction: stays,
    renotify: rings,
    silent: !rings,
    ...(rings && stays && { vibrate: [400, 200, 400, 200, 400] }),
    icon: `${home}static/icon-192.png`,
    badge: `${home}static/icon-192.png`,
    data: { ...page, answer },
    actions: actions.filter(Boolean),
  });
}

self.addEventListener("notificationclick", (event) => {
  const page = event.notification.data;
  event.notification.close();
  event.waitUntil(event.action === "answer" ? answer(page) : open(page, event.action));
});

// The link in a page is its own proof: no sign-in is needed. What the service says of the answer is shown.
async function answer(page) {
  const asked = { method: "POST", headers: { accept: "application/json" } };
  const reply = await fetch(home + page.answer, asked).catch(() => null);
  const said = reply && (await reply.json().catch(() => null));
  if (!said?.words) await show(page, { body: LOST, stays: true, rings: true });
  else await show(page, { body: said.words, answer: "", stays: !reply.ok, rings: !reply.ok });
}

// Where a system shows no buttons, a tap leads to the answer.
async function open(page, action) {
  const buttons = action === "open" || self.Notification?.maxActions > 0;
  const address = home + ((!buttons && page.answer) || page.open);
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((one) => one.url === address);
  return there ? there.focus() : self.clients.openWindow(address);
}

// Only views go this way, and what the one without a connection needs. Nothing of a view is kept but its sentence, until the next sign-out.
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate") {
    if (/\/sign-(?:in|out)$/.test(new URL(request.url).pathname)) event.waitUntil(forget());
    event.waitUntil(tellRenewal());
    if (request.method === "GET") event.respondWith(fetch(request).catch(lastKnown));
  } else if ([SCRIPT, ...STYLES].includes(request.url)) {
    event.respondWith(fetch(request).catch(() => caches.match(request)));
  }
});

const place = (name) => `${home}static/${name}.json`;

async function remember(name, value) {
  await (await caches.open(STATE)).put(place(name), new Response(JSON.stringify(value)));
}

async function recall(name) {
  return (await caches.match(place(name)))?.json();
}

async function forget() {
  const kept = await caches.open(STATE);
  await kept.delete(place("state"));
  await kept.delete(place("pages"));
}

const escaped = (text) => String(text).replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
const clock = (at) => escaped(new Date(at).toLocaleString("en-GB", {
  day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
}));

function ago(at) {
  const minutes = Math.max(Math.floor((Date.now() - Date.parse(at)) / 60_000), 0);
  const hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (minutes < 1) return "less than a minute ago";
  if (hours < 1) return `${minutes} min ago`;
  return days < 2 ? `${hours} h ${minutes % 60} min ago` : `${days} days ago`;
}

async function lastKnown() {
  const state = await recall("state"), pages = (await recall("pages")) ?? [];
  const known = state
    ? `<p class="sentence">At ${clock(state.at)}, ${ago(state.at)}, it said: <q>${escaped(state.sentence)}</q></p>
<p class="caution">This may have changed since.</p>`
    : "<p class=\"sentence\">Nothing is known yet on this device.</p>";
  const list = pages.map((page) => `<li><span>${ago(page.at)}</span> <bdi>${escaped(page.title)}</bdi></li>`).join("\n");
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>No connection, heartbeat</title>
${STYLES.map((style) => `<link rel="stylesheet" href="${style}">`).join("\n")}<script src="${SCRIPT}" defer></script></head><body><main id="main">
<h1>No connection to heartbeat</h1>
${known}
${list && `<section><h2>Last pages on this device</h2><ul class="calls">${list}</ul></section>`}
<p class="more quiet">Pages may still be on their way. This view tries again every 30 s.</p>
</main></body></html>`;
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'",
  };
  return new Response(html, { status: 503, headers });
}
