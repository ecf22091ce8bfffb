// Every page that links lead to, as whoever is signed in: found by following them, a few of each kind.
//
// Kinds are paths with their ids taken out. Bound: [`MAX_PAGES`]. It follows links only, so it changes nothing.

import { audit, heard, MAX_HTML_BYTES, moves, NARROW, overflow, tooWideTables } from "./audit.js";
import { unheard } from "./tree.js";

const OF_A_KIND = 2;
const MAX_PAGES = 150;

// Gives how many pages were seen, the largest of them, and what is wrong: `path: complaint`.
export async function crawl(stage, page, { from, within = "/", named }) {
  const queue = [...from];
  const asked = new Set();
  const kinds = new Map();
  const seen = [];
  const complaints = [];
  while (queue.length > 0 && seen.length < MAX_PAGES) {
    const path = queue.shift();
    const kind = kindOf(path);
    if (asked.has(path) || (kinds.get(kind) ?? 0) >= OF_A_KIND) continue;
    asked.add(path);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    const found = await visit(stage, page, path, named);
    if (!found) continue;
    seen.push({ path: kind, bytes: found.bytes });
    complaints.push(...found.complaints.map((text) => `${path}: ${text}`));
    queue.push(...found.links.filter((link) => link.startsWith(within)));
  }
  return { seen, complaints };
}

// `undefined`: a file, or a page that sends elsewhere and was looked at there.
async function visit(stage, page, path, named) {
  const head = await page.request.get(path, { maxRedirects: 0, headers: { accept: "text/html" } });
  const type = head.headers()["content-type"] ?? "";
  if (head.status() >= 300 && head.status() < 400) {
    const to = new URL(head.headers().location, stage.bank.url);
    return { bytes: 0, complaints: [], links: [to.pathname + to.search] };
  }
  if (!type.startsWith("text/html")) return undefined;
  const bytes = (await head.body()).length;
  const complaints = [];
  if (head.status() !== 200) complaints.push(`status ${head.status()}`);
  if (bytes > MAX_HTML_BYTES) complaints.push(`${bytes} bytes`);
  complaints.push(...headersOf(head.headers()));
  await page.goto(path);
  complaints.push(...(await moves(page)), ...(await audit(stage, page)));
  // The window is as wide as a small laptop's: a table fits it, and scrolls in narrower ones only.
  complaints.push(...(await tooWideTables(page)).map((text) => `${text} at ${page.viewportSize().width} px`));
  complaints.push(...(await unheard(page)));
  const links = await linksOf(page);
  const name = kindOf(path).replaceAll(/[^a-z0-9]+/gi, "-").replaceAll(/^-|-$/g, "") || "first";
  await stage.picture(page, `${named}-${name}`);
  // What moves in a narrow window moves while it is loaded there.
  const wide = page.viewportSize();
  await page.setViewportSize(NARROW);
  await page.reload();
  complaints.push(...(await heard(page)), ...(await moves(page)), ...(await overflow(page)).map((text) => `${text}, loaded at 320 px`));
  await page.setViewportSize(wide);
  return { bytes, complaints: [...new Set(complaints)], links };
}

// Private pages are kept by nobody and shown in nobody's frame.
function headersOf(headers) {
  const complaints = [];
  const csp = headers["content-security-policy"] ?? "";
  if (/unsafe|\*/.test(csp) || !csp.includes("default-src 'none'")) complaints.push(`policy: ${csp}`);
  for (const part of ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "trusted-types 'none'"]) {
    if (!csp.includes(part)) complaints.push(`the policy lacks ${part}`);
  }
  const wanted = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
  };
  for (const [name, value] of Object.entries(wanted)) {
    if (headers[name] !== value) complaints.push(`${name}: ${headers[name]}`);
  }
  return complaints;
}

async function linksOf(page) {
  const links = await page.evaluate(() => [...document.querySelectorAll("a[href]")].map((link) => link.href));
  const own = links.map((link) => new URL(link)).filter((url) => url.origin === new URL(page.url()).origin);
  // The reference of the API is another site's work, and `#main` is this page.
  const pages = own.filter((url) => !/^\/(docs|openapi|assets)/.test(url.pathname));
  return pages.map((url) => url.pathname + url.search);
}

export function kindOf(path) {
  const url = new URL(path, "http://bank");
  const segments = url.pathname.split("/").map((part) => (/^[a-z]{3}_[0-9a-z]{20,}$/.test(part) ? "ID" : part));
  const keys = [...new Set(url.searchParams.keys())].sort();
  return segments.join("/") + (keys.length > 0 ? `?${keys.join("&")}` : "");
}
