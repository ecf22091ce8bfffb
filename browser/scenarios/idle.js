// The idle limit, shortened, in two tabs of one browser.

import assert from "node:assert/strict";

import { audit } from "../audit.js";
import { signIn } from "../people.js";

export const seconds = 70;
export const settings = { session_idle_seconds: 24 };

const STAY = { name: "Stay signed in" };
const LIMIT_MS = 90_000;

const isLeft = (url) => url.pathname === "/sign-in" && url.searchParams.get("done") === "idle";

export const tests = {
  // PCI DSS 8.2.8: at the limit every tab is empty and stays so, and the session is over.
  // ASVS 14.3.1: at the idle limit every tab is emptied by itself.
  "a warning, renewed for both tabs by one; at the limit both are empty and stay so": async (stage) => {
    const asha = stage.bank.customer("asha");
    const one = await stage.open();
    await signIn(stage, one, asha);
    const two = await stage.beside(one);
    await two.goto("/");
    const [first, second] = [one, two].map((page) => page.getByRole("dialog"));

    await first.waitFor();
    await second.waitFor();
    assert.match(await first.innerText(), /signed out in \d+ seconds/);
    await stage.picture(one, "warning");
    assert.deepEqual(await axeOf(stage, one), []);
    await one.getByRole("button", STAY).click();
    await first.waitFor({ state: "hidden" });
    await second.waitFor({ state: "hidden" });
    assert.equal(new URL(two.url()).pathname, "/");

    // The second warning is answered by nobody.
    await first.waitFor();
    await Promise.all([one, two].map((page) => page.waitForURL(isLeft, { timeout: LIMIT_MS })));
    await stage.picture(one, "left");
    for (const page of [one, two]) {
      assert.doesNotMatch(await page.innerText("body"), /Savings|₹/);
      await page.goBack();
      await page.waitForLoadState();
      assert.doesNotMatch(await page.innerText("body"), /Savings|₹/, `after going back: ${page.url()}`);
    }
    const { status } = await stage.bank.ask("GET", "/v1/web/session", { headers: await cookieOf(one) });
    assert.equal(status, 401, "the server has ended the session too");
  },
};

// A window with an open dialog is looked at as it is: what is behind it cannot be reached.
async function axeOf(stage, page) {
  return (await audit(stage, page)).filter((text) => text.startsWith("axe"));
}

async function cookieOf(page) {
  const cookies = await page.context().cookies();
  return { cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; "), "sec-fetch-site": "same-origin" };
}
