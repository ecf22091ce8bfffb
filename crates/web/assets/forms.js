// Forms that are sent once, and texts that are copied. Without this script the same is held by each form's key.
"use strict";

(() => {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method") !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "true";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });

  // A page that comes back from the browser's memory can be sent again; its key says that it is the same.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
    }
  });

  // What only a script can do is offered where there is one.
  for (const button of document.querySelectorAll("button[data-print], button[data-copy]")) button.hidden = false;
  document.addEventListener("click", (event) => {
    if (event.target.closest("button[data-print]")) window.print();
  });

  // Fields that are asked for unless a list has a choice: out of sight, and not sent, while it has.
  for (const part of document.querySelectorAll("fieldset[data-unless]")) {
    const list = document.getElementById(part.dataset.unless);
    const follow = () => {
      part.hidden = part.disabled = list.value !== "";
    };
    list.addEventListener("change", follow);
    window.addEventListener("pageshow", follow);
    follow();
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
  });

  // What is wrong is found by who cannot see it: the first fault gets the focus, else what is said of the whole form,
  // since an alert that a page comes with is not announced by every screen reader.
  const fault =
    document.querySelector("[aria-invalid='true']") ?? document.querySelector("main [role='alert']");
  if (fault) {
    if (fault.matches("[role='alert']")) fault.tabIndex = -1;
    fault.focus();
  }
})();
