// The idle limit, in sight: a warning with a countdown, one clock for all tabs, and an empty page at the end.
// The server ends the session by itself; this says so in time, and hides what was shown.
(() => {
  const SHARED = "exchequer.idle";
  const dialog = document.querySelector("dialog.idle");
  if (!dialog) {
    // The sign-in after a sign-out or an end: the other tabs need not show any more what they show.
    if (/^(\/console)?\/sign-in$/.test(location.pathname) && new URLSearchParams(location.search).has("done")) {
      const others = new BroadcastChannel(SHARED);
      others.postMessage({ out: true });
      others.close();
    }
    return;
  }
  const text = dialog.querySelector("[data-text]");
  const WARN_MS = 60_000;
  const TICK_MS = 250;
  const channel = new BroadcastChannel(SHARED);
  let skew = 0; // of this computer's clock, learnt at each answer; a page's own age counts from its making
  let idleAt = Date.parse(dialog.dataset.idle);
  let endAt = Date.parse(dialog.dataset.end);
  const made = Date.parse(dialog.dataset.now);
  if (made) skew = made - Date.now();
  const now = () => Date.now() + skew;
  const limit = () => Math.min(idleAt, endAt);
  // Of a short limit the last half is warned of.
  const warnMs = Math.min(WARN_MS, Math.max(1, limit() - now()) / 2);
  let left = false;
  let asking = null;
  let said = "";

  // At the end: nothing stays in sight, in this tab and in the others, and the page is not one to go back to.
  function leave(tell) {
    if (left) return;
    left = true;
    clearInterval(timer);
    if (tell) channel.postMessage({ out: true });
    document.title = "…";
    document.body.replaceChildren();
    location.replace(dialog.dataset.out);
  }

  // Another tab has been used, or the session is over; both go for all of them.
  channel.addEventListener("message", ({ data }) => {
    if (data.out) leave(false);
    else if (data.idleAt > idleAt) {
      idleAt = data.idleAt;
      tick();
    }
  });
  channel.postMessage({ idleAt });

  // One question at a time. A network that is away says nothing about the session: the clock goes on.
  function ask(path) {
    asking ??= (async () => {
      const answer = await fetch(path, { cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401) return leave(true);
      if (!answer.ok) return;
      const told = await answer.json();
      const date = Date.parse(answer.headers.get("date") ?? "");
      // The header has whole seconds: only a clock that is plainly wrong is set by it.
      if (date && Math.abs(date - now()) > 2000) skew += date - now();
      idleAt = Date.parse(told.idle_expires_at);
      endAt = Date.parse(told.expires_at);
      channel.postMessage({ idleAt });
    })().catch(() => {}).finally(() => {
      asking = null;
    });
    return asking;
  }

  dialog.addEventListener("close", () => {
    said = "";
    if (!left && dialog.returnValue === "stay") ask(dialog.dataset.renew).then(tick);
    dialog.returnValue = "";
  });
  // Escape means the same as the button: who presses a key is there.
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    dialog.close("stay");
  });

  function tick() {
    if (left) return;
    const rest = limit() - now();
    if (rest > warnMs) {
      if (dialog.open) dialog.close("");
      return;
    }
    if (rest > 0) {
      const seconds = Math.ceil(rest / 1000);
      const line = text.dataset.text.replace("{}", String(seconds));
      if (line !== said) {
        said = line;
        text.textContent = line;
      }
      if (!dialog.open) dialog.showModal();
      return;
    }
    // The server has the last word: what another tab did counts. Asking is no use of the session.
    if (!asking) ask(dialog.dataset.peek).then(() => limit() - now() <= 0 && leave(true));
  }

  const timer = setInterval(tick, TICK_MS);
  // A tab that slept has missed its ticks.
  document.addEventListener("visibilitychange", tick);
  // A page out of the browser's memory may be somebody's who has gone: it is hidden until the server has said.
  window.addEventListener("pageshow", async (event) => {
    if (!event.persisted) return;
    if (left) return location.replace(dialog.dataset.out);
    document.body.hidden = true;
    await ask(dialog.dataset.peek);
    if (left) return;
    if (limit() - now() <= 0) leave(true);
    else document.body.hidden = false;
  });
})();
