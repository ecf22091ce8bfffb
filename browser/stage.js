// What a test gets: windows of a browser on its bank, and an ear for everything that must not happen in any of them.

import { join } from "node:path";

const ACT_LIMIT_MS = 30_000;

export class Stage {
  // `isAlone`: nothing else plays beside it, so that times say something.
  constructor({ bank, browser, axe, pictures, name, isAlone }) {
    Object.assign(this, { bank, browser, axe, pictures, name, isAlone });
    this.contexts = [];
    this.faults = [];
  }

  // A browser of somebody's own: cookies, stores and a first window.
  async open({ width = 1280, height = 900, dark = false, language = "en", script = true } = {}) {
    const context = await this.browser.newContext({
      baseURL: this.bank.url,
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      locale: language,
      reducedMotion: "reduce",
      javaScriptEnabled: script,
    });
    context.setDefaultTimeout(ACT_LIMIT_MS);
    this.contexts.push(context);
    if (script) await context.addInitScript(listen);
    context.on("page", (page) => this.#watch(page));
    return context.newPage();
  }

  #watch(page) {
    const fault = (text) => this.faults.push(`${text} at ${page.url()}`);
    page.on("pageerror", (error) => fault(`an error of a script: ${error.message}`));
    page.on("dialog", async (dialog) => {
      fault(`a dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      if (isRefusal(message)) return;
      fault(`the console says: ${message.text()}`);
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith("http") && url.origin !== this.bank.url) fault(`a request to ${url.origin}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 500) fault(`${response.status()} from ${response.url()}`);
    });
  }

  // A tab that the browser never loads from elsewhere, with the session of `page`.
  async beside(page) {
    return page.context().newPage();
  }

  async picture(page, name) {
    await page.screenshot({ path: join(this.pictures, `${this.name}-${name}.png`), fullPage: true });
  }

  async pictureOfFailure(name) {
    for (const [index, page] of this.contexts.flatMap((context) => context.pages()).entries()) {
      const path = join(this.pictures, `FAILED-${this.name}-${name.replaceAll(/[^a-z0-9]+/gi, "-")}-${index}.png`);
      // The test's own complaint is what counts; a window that is gone has no picture.
      await page.screenshot({ path, fullPage: true, timeout: 5_000 }).catch(() => undefined);
    }
  }

  // What tests do on purpose is taken out before the end.
  forgive(pattern) {
    this.faults = this.faults.filter((text) => !pattern.test(text));
  }

  mustBeQuiet() {
    if (this.faults.length > 0) throw new Error(`not quiet:\n${[...new Set(this.faults)].join("\n")}`);
  }

  async close() {
    for (const context of this.contexts) await context.close();
  }
}

// The browser notes a page whose status is 4xx; a form with a fault is one, and so is a question for somebody signed out.
function isRefusal(message) {
  return /the server responded with a status of 4\d\d/.test(message.text()) && !/\/assets\//.test(message.location().url);
}

// In each page, before anything of it: what moves after it was shown, and what the page's own policy stopped.
function listen() {
  const heard = { shift: 0, moved: [], violations: [] };
  Object.defineProperty(window, "__heard", { value: heard });
  document.addEventListener("securitypolicyviolation", (event) => {
    heard.violations.push(`${event.violatedDirective}: ${event.blockedURI || event.sample}`);
  });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      heard.shift += entry.value;
      for (const source of entry.sources) heard.moved.push(source.node?.className || source.node?.nodeName);
    }
  }).observe({ type: "layout-shift", buffered: true });
}
