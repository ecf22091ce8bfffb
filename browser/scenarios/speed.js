// How long the main pages of both sites take with 100,000 entries in the account. Figures are printed and judged by nobody here:
// docs/web.md says what they were on a quiet machine. Beside other scenarios they say little, and few are taken.

import assert from "node:assert/strict";

import { findCustomer, signIn, signInAtConsole } from "../people.js";

export const seconds = 60;

const ENTRIES = 100_000;
const BATCH = 8_000;
const ALONE = { asked: 100, loaded: 20 };
const BESIDE_OTHERS = { asked: 10, loaded: 3 };

async function fill(bank, person) {
  const [one, other] = person.accounts;
  for (let left = ENTRIES; left > 0; left -= BATCH) {
    const token = await bank.token(person);
    const transfers = Array.from({ length: Math.min(BATCH, left) }, (_, index) => {
      const [from, to] = index % 2 === 0 ? [one, other] : [other, one];
      return { from: from.id, to: to.id, amount: 100, currency: "INR", memo: `Entry ${left - index}` };
    });
    const { results } = await bank.must("POST", "/v1/transfers/batch", { token, body: { transfers, atomic: true } });
    assert.ok(results.every(({ transfer }) => transfer));
  }
}

// The value below which so many of a hundred lie.
function quantile(values, hundredths) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil((sorted.length * hundredths) / 100) - 1].toFixed(1);
}

// Asks for each page and loads it; prints a row of each.
async function time(stage, page, paths) {
  const cookies = await page.context().cookies();
  const headers = { accept: "text/html", cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; ") };
  const counts = countsOf(stage);
  for (const path of paths) {
    const asked = [];
    let bytes;
    for (let count = 0; count < counts.asked; count += 1) {
      const start = performance.now();
      const answer = await stage.bank.ask("GET", path, { headers });
      asked.push(performance.now() - start);
      assert.equal(answer.status, 200, path);
      bytes = Buffer.byteLength(answer.text);
    }
    const loaded = [];
    for (let count = 0; count < counts.loaded; count += 1) {
      await page.goto(path, { waitUntil: "load" });
      loaded.push(await page.evaluate(() => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd));
    }
    const shown = path.replaceAll(/[a-z]{3}_[0-9a-z]{20,}/g, "ID").replace(/cursor=.*/, "cursor=…");
    const figures = [asked, loaded].map((all) => `${quantile(all, 50)} / ${quantile(all, 95)}`).join("   ");
    console.log(`speed ${shown.padEnd(44)} ${figures}   ${bytes}`);
  }
}

const countsOf = (stage) => (stage.isAlone ? ALONE : BESIDE_OTHERS);

function legend(stage) {
  const { asked, loaded } = countsOf(stage);
  return `p50 and p95 in ms of ${asked} answers, of ${loaded} loads in the browser; bytes`;
}

// The tests of a scenario are played one after the other on one bank: the second finds what the first has made.
export const tests = {
  "the customers' main pages, asked for and loaded, with 100,000 entries": async (stage) => {
    const { bank } = stage;
    const asha = bank.customer("asha");
    await fill(bank, asha);
    const page = await stage.open();
    await signIn(stage, page, asha);
    const account = `/accounts/${asha.accounts[0].id}`;
    await page.goto(account);
    const receipt = await page.locator('a[href^="/transfers/"]').first().getAttribute("href");
    const more = await page.locator("a[data-more]").getAttribute("href");
    const search = `${account}?query=${encodeURIComponent("Entry 99")}`;
    console.log(`speed: ${ENTRIES} entries; ${legend(stage)}`);
    const pages = ["/", account, more, search, receipt, `${account}/statement`, "/send", "/payees", "/security", "/security/activity"];
    await time(stage, page, pages);
  },

  "the console's rooms, asked for and loaded, on the same bank": async (stage) => {
    const { bank } = stage;
    const asha = bank.customer("asha");
    for (const outcome of ["approved", "card_declined"]) await bank.charge(outcome, 125_000);
    const { id: payment } = await bank.charge("approved", 99_900);
    const page = await stage.open();
    await signInAtConsole(stage, page, bank.operator("deputy"));
    await findCustomer(page, asha);
    const customer = new URL(page.url()).pathname;
    const account = `/console/accounts/${asha.accounts[0].id}`;
    await page.goto(account);
    const more = await page.locator("a[data-more]").getAttribute("href");
    await page.goto("/console/merchants");
    const merchant = await page.locator('main a[href^="/console/merchants/mer_"]').first().getAttribute("href");
    const rooms = ["", "/approvals", "/customers", "/accounts", "/payments", "/reconciliation", "/merchants", "/webhooks"];
    const found = [customer, account, more, `/console/payments/${payment}`, merchant];
    const trail = ["", "?action=transfer.", "?action=account.frozen", "?from=2026-01-01&to=2026-01-01"];
    const rest = ["/figures", "/system", "/members"].map((room) => `/console${room}`);
    console.log(`speed: the console; ${legend(stage)}`);
    await time(stage, page, [...rooms.map((room) => `/console${room}`), ...found, ...trail.map((query) => `/console/events${query}`), ...rest]);
  },
};
