// The console's script. Every page can be read, and every form sent, without it. With it a page stays current by itself,
// times are shown in the reader's zone, lines can be copied, and there are keys.
"use strict";
(() => {
  const RENEW = 30_000, SOONEST = 1_000, LATEST = 15_000;
  const TYPED = "input:not([type=hidden]), textarea, select";
  const INSTANT = /^(?:\d\d \w{3} (?:\d{4} )?)?\d\d:\d\d(:\d\d)? UTC$/;
  const find = (selector, within = document) => within.querySelector(selector);
  const every = (selector, within = document) => [...within.querySelectorAll(selector)];
  const main = find("#main");

  // Words for who does not see what has changed.
  const say = (words) => { find("#said").textContent = words; };

  // Times in the reader's zone. The time in UTC stays beside, and in the title.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const told = (at, parts) => new Intl.DateTimeFormat("en-GB", { hourCycle: "h23", ...parts }).format(at);
  const day = (at, now = at) => told(at, {
    day: "2-digit", month: "short", ...(at.getFullYear() !== now.getFullYear() && { year: "numeric" }),
  });
  const clock = (at, seconds) => told(at, {
    hour: "2-digit", minute: "2-digit", timeZoneName: "short", ...(seconds && { second: "2-digit" }),
  });

  function localize(within) {
    const now = new Date(find("footer time").dateTime);
    for (const time of every("[data-morning] time", within)) morning(time, now);
    for (const time of every("time", within)) {
      const at = new Date(time.dateTime);
      if (time.dataset.utc !== undefined || at.getTimezoneOffset() === 0) continue;
      const words = time.textContent.trim();
      const found = INSTANT.exec(words);
      const sameDay = told(at, { day: "2-digit", timeZone: "UTC" }) === told(at, { day: "2-digit" });
      time.dataset.utc = found ? (sameDay ? words.replace(/^\d\d \w{3} (?:\d{4} )?/, "") : words) : "";
      const full = `${day(at)} ${clock(at, true)}`;
      if (time.title) time.title = `${full}, ${time.title}`; else time.dataset.there = full;
      if (found) time.textContent = (day(at, now) === day(now) ? "" : `${day(at, now)} `) + clock(at, found[1]);
    }
    for (const one of every(`[data-zone="${zone}"]`, within)) one.hidden = true;
  }

  // The next morning is where the reader is.
  function morning(time, now) {
    const at = new Date(now);
    at.setHours(9, 0, 0, 0);
    if (at <= now) at.setDate(at.getDate() + 1);
    const utc = at.toISOString();
    time.dateTime = `${utc.slice(0, 19)}Z`;
    time.title = `${utc.slice(0, 10)} ${utc.slice(11, 19)} UTC`;
  }

  // What a page has only with this script.
  function enhance(within) {
    localize(within);
    for (const line of every("pre.line", within)) {
      line.append(made("button", { type: "button", className: "copy", textContent: "Copy" }));
    }
    for (const place of every(".picks thead .pick", within)) {
      place.append(made("input", { type: "checkbox", className: "all", ariaLabel: "Tick all on this page" }));
    }
    for (const one of every("[data-script]", within)) one.hidden = false;
    for (const field of every("[data-readers-zone]", within)) overHere(field);
  }

  // A form whose clock times are in UTC goes over to the reader's zone.
  function overHere(field) {
    field.value = zone;
    for (const one of every("[type=datetime-local]", field.form)) {
      const at = new Date(`${one.value}Z`);
      if (one.value) one.value = new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    }
  }

  const made = (tag, properties) => Object.assign(document.createElement(tag), properties);

  // A page that stays current: it is told that something has changed, and fetches itself again.
  // The longer a fetch takes, the longer it pauses before the next: however many look on, the service can bear it.
  let source = null, busy = false, due = false, renewed = Date.now(), pacing = SOONEST;

  function listen() {
    source = new EventSource(main.dataset.live);
    source.onopen = () => state("live");
    source.onmessage = () => { due = true; awaken(); };
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) { state("connection lost, trying again"); return; }
      state("not live: reloads every 30 s");
      // Whoever was signed out elsewhere is told so at once.
      renew();
    };
  }

  function state(words) {
    const place = find("#live");
    if (place.textContent !== words) place.textContent = words;
  }

  const selecting = () => !getSelection().isCollapsed && main.contains(getSelection().anchorNode);

  async function renew() {
    if (busy || document.hidden || selecting()) { due = true; return; }
    busy = true;
    due = false;
    const began = Date.now();
    try {
      const asked = { cache: "no-store", headers: { accept: "text/html" } };
      // Where the service cannot be reached, the page is renewed at the next turn.
      const answer = await fetch(location.href, asked).catch(() => null);
      if (answer?.redirected) leave("signed out: reload the page to sign in");
      else if (answer?.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
      else due = true;
    } finally {
      busy = false;
      renewed = Date.now();
      pacing = Math.min(Math.max(10 * (renewed - began), SOONEST), LATEST);
    }
  }

  function leave(words) {
    source.close();
    delete main.dataset.live;
    state(words);
    say(words);
  }

  function replace(page) {
    const fresh = find("#main", page);
    if (!fresh?.dataset.live) return;
    const before = find("h1", main)?.textContent;
    morph(find("footer"), find("footer", page));
    morph(main, fresh);
    document.title = page.title;
    const after = find("h1", main)?.textContent;
    if (after && after !== before) say(after);
  }

  // Only what differs is touched: what has the focus, is open, ticked or typed stays so.
  function morph(old, fresh) {
    const beforeNodeMorphed = (was, is) => {
      if (was.nodeType !== Node.ELEMENT_NODE) return true;
      if (was.tagName === "DETAILS") is.open = was.open;
      return !was.matches(`${TYPED}, [data-keep]`);
    };
    enhance(fresh);
    Idiomorph.morph(old, fresh, { morphStyle: "outerHTML", callbacks: { beforeNodeMorphed } });
  }

  function awaken() {
    if (main.dataset.live && !document.hidden && Date.now() - renewed >= (due ? pacing : RENEW)) renew();
  }

  // Copying a line.
  async function copy(button) {
    const words = find("code", button.parentNode).textContent;
    try {
      await navigator.clipboard.writeText(words);
    } catch {
      // On a line that is not encrypted, a browser lets only what is selected be copied.
      getSelection().selectAllChildren(find("code", button.parentNode));
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    say("Copied");
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }

  // Acknowledging: the incident of this page, or that of the row which has the focus.
  async function acknowledge() {
    const row = document.activeElement.closest("tr");
    if (!row) { find("form[action$='/acknowledge']")?.requestSubmit(); return; }
    if (!row.dataset.occurrence) return;
    const link = find("th a", row);
    const csrf = find("input[name=csrf]").value;
    const body = new URLSearchParams({ csrf, occurrence: row.dataset.occurrence });
    const answer = await fetch(`${link.pathname}/acknowledge`, { method: "POST", body });
    if (!answer.ok) { location.assign(link.href); return; }
    await renew();
    say(`Acknowledged: ${link.textContent}`);
  }

  // Rows are gone through with the arrows.
  function move(step) {
    const links = every(".list tbody th > a", main);
    if (!links.length) return false;
    const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1);
    links[next].focus();
    links[next].closest("tr").scrollIntoView({ block: "nearest" });
    return true;
  }

  function tick() {
    document.activeElement.closest("tbody tr")?.querySelector(".pick input")?.click();
    return true;
  }

  function search() {
    const field = find("#q");
    if (!field) { location.assign(`${find(".brand").href}checks#q`); return; }
    field.focus();
    field.select();
  }

  const keys = {
    "/": () => { search(); return true; },
    "?": () => { find("#keys").showModal(); return true; },
    a: () => { acknowledge(); return true; },
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    x: () => tick(),
  };

  document.addEventListener("keydown", (event) => {
    const modified = event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented;
    if (modified || event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) return;
    if (Object.hasOwn(keys, event.key) && keys[event.key]()) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (event.target.matches(".copy")) copy(event.target);
    if (event.target.matches("#show-keys")) find("#keys").showModal();
  });

  // A form that shows what its schedule means, while one types.
  let typing = 0;
  async function preview(form) {
    const body = new URLSearchParams(new FormData(form));
    body.set("do", "preview");
    const mine = ++typing;
    const answer = await fetch(form.action, { method: "POST", body });
    if (!answer.ok || mine !== typing) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = find("#preview", page);
    if (fresh) morph(find("#preview"), fresh);
  }

  let pause = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form?.matches("[data-preview]")) return;
    // Who types into a schedule means that one.
    const kind = find(`#kind-${event.target.dataset.kind ?? event.target.name}`, form);
    if (kind) kind.checked = true;
    clearTimeout(pause);
    pause = setTimeout(preview, 300, form);
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches(".all")) for (const one of every("tbody .pick input")) one.checked = event.target.checked;
    if (event.target.matches(".search select")) event.target.form.requestSubmit();
  });

  enhance(document);
  if (location.hash === "#q") search();
  if (main.dataset.live) {
    listen();
    setInterval(awaken, 1000);
    document.addEventListener("visibilitychange", awaken);
  }
})();
