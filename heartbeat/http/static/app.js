// The console as an app: it is registered where it is installed or rings, and keeps its last sentence for a time without
// a connection.
"use strict";
(() => {
  const home = document.querySelector(".brand").href;
  const workers = navigator.serviceWorker;
  const register = () => workers.register(`${home}static/worker.js`, { scope: home });

  if (workers && matchMedia("(display-mode: standalone)").matches) register();

  // The service worker reads what is kept: see worker.js.
  async function keep(name, value) {
    const kept = await caches.open("heartbeat");
    await kept.put(`${home}static/${name}.json`, new Response(JSON.stringify(value)));
  }

  // What the overview says, and when. The service worker shows it with its age.
  const overview = new URL(location).pathname === new URL(home).pathname;
  async function remember() {
    if (!overview || !workers?.controller) return;
    const sentence = document.querySelector("h1").textContent.trim();
    const at = document.querySelector("footer time").dateTime;
    await keep("state", { sentence, at });
  }
  remember();
  if (overview) new MutationObserver(remember).observe(document.querySelector("footer"), { subtree: true, attributes: true, childList: true });

  // Ring me here: the browser asks its reader and its push service, and the form tells heartbeat where to send pages.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-ring]")) return;
    event.preventDefault();
    const fault = document.querySelector("[data-ring-fault]");
    try {
      const found = await subscription(form.dataset.ring);
      await keep("device", { subscription: found, key: form.dataset.ring });
      form.elements.subscription.value = JSON.stringify(found);
      form.submit();
    } catch (problem) {
      fault.textContent = problem.words ?? `This browser cannot ring: ${problem.message}`;
    }
  });

  const refuse = (words) => { throw Object.assign(new Error(words), { words }); };

  async function subscription(key) {
    if (!isSecureContext) refuse("This connection is not encrypted. A browser can ring only where it is.");
    if (!workers || !("PushManager" in window)) {
      refuse("This browser cannot ring. On an iPhone or iPad, open heartbeat from the Home Screen.");
    }
    if ((await Notification.requestPermission()) !== "granted") {
      refuse("Notifications are blocked for this site. Allow them in the settings of the browser, then press again.");
    }
    await register();
    const { pushManager } = await workers.ready;
    const applicationServerKey = bytes(key);
    const old = await pushManager.getSubscription();
    // A subscription works with one key only. It is of no more use once the key has been replaced.
    if (old && text(old.options.applicationServerKey) !== text(applicationServerKey)) await old.unsubscribe();
    return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  }

  const bytes = (base64) => Uint8Array.from(atob(base64.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  const text = (buffer) => String(new Uint8Array(buffer ?? []));
})();
