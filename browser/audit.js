// What must hold for every page as it stands in a window: WCAG 2.2 AA (axe-core) in light, in dark and at 320 px, nothing
// that its own policy stopped, one heading, no sideways scrolling; and of one that can be loaded, nothing that moves.
//
// It changes the window's width and colours and puts them back. `audit` looks at what is there, and loads nothing.

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
// WCAG 2.2 §1.4.10: the narrowest that has to do without scrolling in two directions.
export const NARROW = { width: 320, height: 720 };
const LOADS = 4;
export const MAX_HTML_BYTES = 50 * 1024;

export async function audit(stage, page) {
  const wide = page.viewportSize();
  const complaints = [...(await heard(page)), ...(await structure(page)), ...(await kept(page)), ...(await shaded(page))];
  const look = async (how) => {
    complaints.push(...(await overflow(page)).map((text) => `${text}, ${how}`));
    complaints.push(...(await axe(stage, page)).map((text) => `${text}, ${how}`));
  };
  await look("light");
  await page.emulateMedia({ colorScheme: "dark" });
  await look("dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(NARROW);
  await look("at 320 px");
  await page.setViewportSize(wide);
  return complaints;
}

// Of the page since it was loaded.
export async function heard(page) {
  const { violations } = await page.evaluate(() => window.__heard);
  return violations.map((text) => `the policy stopped ${text}`);
}

// What moves by itself after it was shown, each time that the page is loaded. A busy machine draws a page that has come
// in half, now and then; what a style sheet or a script does is done every time.
export async function moves(page) {
  let complaint;
  for (let load = 0; load < LOADS; load += 1) {
    if (load > 0) await page.reload();
    // Two frames later, everything that the page's own script does at once was drawn.
    const { shift, moved } = await page.evaluate(async () => {
      for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
      return window.__heard;
    });
    if (shift === 0) return [];
    complaint = `the layout moved by ${shift.toFixed(4)}: ${[...new Set(moved)].join(", ")}`;
  }
  return [complaint];
}

// ASVS 14.3.3: on no page does anything stand in the browser's stores; cookies are ours, hidden from scripts, and hold
// drawn tokens or a language.
export async function kept(page) {
  const complaints = await page.evaluate(async () => {
    const found = [];
    for (const store of [localStorage, sessionStorage]) found.push(...Object.keys(store).map((key) => `kept: ${key}`));
    found.push(...(await indexedDB.databases()).map(({ name }) => `a database: ${name}`));
    found.push(...((await window.caches?.keys()) ?? []).map((name) => `a cache: ${name}`));
    found.push(...(await navigator.serviceWorker.getRegistrations()).map(({ scope }) => `a worker: ${scope}`));
    if (document.cookie) found.push(`scripts see the cookies ${document.cookie.replaceAll(/=[^;]*/g, "")}`);
    if (window.name) found.push("the window has a name");
    return found;
  });
  const cookies = await page.context().cookies();
  for (const { name, value, httpOnly } of cookies) {
    const plain = name.replace(/^__Host-/, "");
    const isOurs =
      (["exchequer", "exchequer-visit", "exchequer-device", "exchequer-desk"].includes(plain) && /^[\w-]{22,43}$/.test(value)) ||
      (plain === "exchequer-language" && /^(en|hi)$/.test(value));
    if (!isOurs || !httpOnly) complaints.push(`the cookie ${name}`);
  }
  return complaints;
}

// ASVS 3.2.3: no field shades what a script reads of its form, and no element a property of the document.
export async function shaded(page) {
  return page.evaluate(() => {
    const complaints = [];
    const read = ["addEventListener", "dataset", "elements", "getAttribute", "hidden", "querySelector", "querySelectorAll", "requestSubmit"];
    for (const form of document.querySelectorAll("form")) {
      const shades = read.filter((name) => form[name] !== Reflect.get(HTMLFormElement.prototype, name, form));
      complaints.push(...shades.map((name) => `a field shades ${name}`));
    }
    for (const { name, id } of document.querySelectorAll("form[name], img[name], iframe[name], embed[name], object[name]")) {
      complaints.push(`an element is named: ${name || id}`);
    }
    return complaints;
  });
}

export async function overflow(page) {
  return page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const wide = [...document.body.querySelectorAll("*")].filter((element) => {
      const { right, width } = element.getBoundingClientRect();
      return width > 0 && right > root.clientWidth + 0.5;
    });
    const names = wide.slice(0, 4).map((element) => `${element.tagName}.${element.className?.baseVal ?? element.className}`);
    return [`${root.scrollWidth - root.clientWidth} px too wide (${names.join(", ")})`];
  });
}

async function axe(stage, page) {
  await page.evaluate(stage.axe);
  const violations = await page.evaluate(async (tags) => {
    const { violations: found } = await window.axe.run(document, { runOnly: tags, resultTypes: ["violations"] });
    return found.map(({ id, nodes }) => ({ id, nodes: nodes.slice(0, 3).map((node) => node.target.join(" ")) }));
  }, TAGS);
  return violations.map(({ id, nodes }) => `axe ${id}: ${nodes.join("; ")}`);
}

async function structure(page) {
  return page.evaluate(() => {
    const complaints = [];
    const count = (selector) => document.querySelectorAll(selector).length;
    if (count("h1") !== 1) complaints.push(`${count("h1")} h1`);
    if (count("main") !== 1) complaints.push(`${count("main")} main`);
    if (!document.documentElement.lang) complaints.push("no language");
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (isStill && document.getAnimations().length > 0) complaints.push("something moves for who wants nothing to move");
    for (const inline of document.querySelectorAll('[style]:not([style=""]), style, script:not([src])')) {
      complaints.push(`inline style or script: ${inline.outerHTML.slice(0, 80)}`);
    }
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
    if (twice.length > 0) complaints.push(`an id twice: ${twice.join(", ")}`);
    return complaints;
  });
}

// Tables that have to be scrolled sideways in this window, each with what it lacks.
export async function tooWideTables(page) {
  return page.evaluate(() => {
    const scrolled = [...document.querySelectorAll(".table")].filter((box) => box.scrollWidth > box.clientWidth + 1);
    return scrolled.map((box) => `the table ${box.getAttribute("aria-label")} is ${box.scrollWidth - box.clientWidth} px too wide`);
  });
}
