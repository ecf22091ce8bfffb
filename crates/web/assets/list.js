// Lists without end: the link to the next part brings its rows into this page. Without this script it is a link.
(() => {
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
      const added = join(here, rows);
      const empty = document.querySelector("[data-rows-empty]");
      const stillEmpty = page.querySelector("[data-rows-empty]");
      if (added) empty?.remove();
      else if (empty && stillEmpty) empty.textContent = stillEmpty.textContent;
      const next = page.querySelector("a[data-more]");
      if (next) {
        link.href = next.href;
        delete link.dataset.busy;
      } else {
        link.remove();
      }
      added?.querySelector("a")?.focus();
    });
    request.addEventListener("error", () => location.assign(link.href));
    request.send();
  });

  // Appends the rows of a page; a group that goes on (data-group) stays one. Gives the first that came.
  function join(here, rows) {
    let added = null;
    for (const row of [...rows.children]) {
      const last = here.lastElementChild;
      const into = last?.querySelector("[data-group-rows]");
      if (into && row.dataset.group === last.dataset.group) {
        for (const part of [...row.querySelector("[data-group-rows]").children]) {
          const copy = document.importNode(part, true);
          into.append(copy);
          added ??= copy;
        }
      } else {
        const copy = document.importNode(row, true);
        here.append(copy);
        added ??= copy;
      }
    }
    return added;
  }
})();
