// Shows the age of the page, warns when it is too old, and loads a newer one once it is published.
(() => {
  const stamp = document.getElementById("as-of"), ago = document.getElementById("ago");
  const stale = document.getElementById("stale"), published = Date.parse(stamp.dateTime);
  let skew = 0, seenTag = null;
  const ageText = (s) => s < 90 ? `${s} s ago` : s < 5400 ? `${Math.round(s / 60)} min ago` : `${Math.round(s / 3600)} h ago`;
  const show = () => {
    const age = Math.max(0, Math.round((Date.now() + skew - published) / 1000));
    ago.textContent = ", " + ageText(age);
    stale.hidden = age <= 180;
  };
  const refresh = async () => {
    try {
      const response = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
      if (!response.ok) return;
      // The reader's clock may be wrong. The host's clock is right.
      skew = Date.parse(response.headers.get("date") || new Date()) - Date.now();
      const tag = response.headers.get("etag") || response.headers.get("last-modified");
      const busy = document.activeElement && document.activeElement.matches("input, summary");
      if (seenTag && tag && tag !== seenTag && !busy) location.reload();
      seenTag = seenTag || tag;
    } catch { /* The host does not answer: the age keeps growing. */ }
    show();
  };
  show();
  refresh();
  setInterval(show, 1000);
  setInterval(refresh, 30000);
})();
