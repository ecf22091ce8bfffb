// Lists without end: the link to the next part brings its rows into this page. Without this script it is a link.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-more]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.dataset.busy) return;
  link.dataset.busy = "true";
  const request = new XMLHttpRequest();
  request.open("GET", link.href);
  // A document is parsed by the browser itself: no text becomes markup here.
  request.responseType = "document";
  request.addEventListener("load", () => {
    const page = request.response;
    const rows = page?.querySelector("[data-rows]");
    const here = document.querySelector("[data-rows]");
    if (request.status !== 200 || !rows || !here) return location.assign(link.href);
    const first = rows.firstElementChild;
    for (const row of [...rows.children]) here.append(document.importNode(row, true));
    const next = page.querySelector("a[data-more]");
    if (next) {
      link.href = next.href;
      delete link.dataset.busy;
    } else {
      link.remove();
    }
    const added = first && [...here.children].at(-rows.childElementCount);
    added?.querySelector("a")?.focus();
  });
  request.addEventListener("error", () => location.assign(link.href));
  request.send();
});
