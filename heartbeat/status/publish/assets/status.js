// Shows the age of the page, warns when it is too old, and loads a newer one as soon as there is one.
(() => {
  const at = document.getElementById("as-of"), ago = document.getElementById("ago");
  const stale = document.getElementById("stale"), born = Date.parse(at.dateTime);
  let ahead = 0, mark = null;
  const words = (s) => s < 90 ? `${s} s ago` : s < 5400 ? `${Math.round(s / 60)} min ago` : `${Math.round(s / 3600)} h ago`;
  const show = () => {
    const age = Math.max(0, Math.round((Date.now() + ahead - born) / 1000));
    ago.textContent = ", " + words(age);
    stale.hidden = age <= 180;
  };
  const look = async () => {
    try {
      const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
      if (!answer.ok) return;
      // The reader's clock may be wrong; the host's is not.
      ahead = Date.parse(answer.headers.get("date") || new Date()) - Date.now();
      const now = answer.headers.get("etag") || answer.headers.get("last-modified");
      const busy = document.activeElement && document.activeElement.matches("input, summary");
      if (mark && now && now !== mark && !busy) location.reload();
      mark = mark || now;
    } catch { /* Not reached: the age keeps growing. */ }
    show();
  };
  show();
  look();
  setInterval(show, 1000);
  setInterval(look, 30000);
})();
