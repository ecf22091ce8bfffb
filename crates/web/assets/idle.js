// The idle limit, in sight: a warning before the end, one clock for all tabs, and an empty page at the end.
// The server ends the session by itself; this only says so in time and hides what was shown.
(() => {
  const dialog = document.querySelector("dialog.idle");
  if (!dialog) return;
  const text = dialog.querySelector("[data-text]");
  const WARN_MS = 60_000;
  const SHARED = "exchequer.idle";
  const channel = new BroadcastChannel(SHARED);
  let skew = 0; // of this computer's clock, learnt at each answer
  let idleAt = Date.parse(dialog.dataset.idle);
  let endAt = Date.parse(dialog.dataset.end);
  const span = Math.max(1, Math.min(idleAt - Date.now(), endAt - Date.now()));
  const warnMs = Math.min(WARN_MS, span / 2);
  let left = false;

  const hear = ({ data }) => {
    if (data.out) leave(false);
    else if (data.idleAt > idleAt) {
      idleAt = data.idleAt;
      dialog.close();
    }
  };
  channel.addEventListener("message", hear);
  channel.postMessage({ idleAt });

  function leave(tell) {
    if (left) return;
    left = true;
    if (tell) channel.postMessage({ out: true });
    document.body.replaceChildren();
    location.replace(dialog.dataset.out);
  }

  async function ask(path) {
    const answer = await fetch(path, { cache: "no-store", credentials: "same-origin" });
    if (answer.status === 401) return leave(true);
    if (!answer.ok) return;
    const said = await answer.json();
    const date = Date.parse(answer.headers.get("date") ?? "");
    if (date) skew = date - Date.now();
    // Operators' sessions are told how long they last after this request, which counted.
    idleAt = said.idle_expires_at ? Date.parse(said.idle_expires_at) : now() + said.idle_limit_seconds * 1000;
    endAt = Date.parse(said.expires_at);
    channel.postMessage({ idleAt });
  }

  dialog.addEventListener("close", () => {
    if (!left && limit() - now() < warnMs) ask(dialog.dataset.renew).catch(() => {});
  });

  const now = () => Date.now() + skew;
  const limit = () => Math.min(idleAt, endAt);
  let asking = false;

  async function tick() {
    const rest = limit() - now();
    if (rest > warnMs) {
      if (dialog.open) dialog.close();
      return;
    }
    if (rest <= 0) {
      // The server has the last word: another device's request does not count, another tab's did.
      if (asking) return;
      asking = true;
      await ask(dialog.dataset.peek).catch(() => leave(true));
      asking = false;
      if (limit() - now() <= 0) leave(true);
      return;
    }
    text.textContent = text.dataset.text.replace("{}", String(Math.ceil(rest / 1000)));
    if (!dialog.open) dialog.showModal();
  }

  setInterval(tick, 500);
  // A page that comes back from the browser's memory may be somebody's who has gone.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) ask(dialog.dataset.peek).catch(() => leave(true));
  });
})();
