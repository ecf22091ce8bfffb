// What another site, a crafted link, or the next person at the same computer can try.

import assert from "node:assert/strict";
import { createServer } from "node:http";

import { signIn } from "../people.js";

export const seconds = 20;

// A site of somebody else's, that shows one page.
async function elsewhere(html, act) {
  const server = createServer((_, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end(`<!doctype html><title>Elsewhere</title>${html}`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await act(`http://127.0.0.1:${server.address().port}/`);
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

const AWAY = [
  "https://evil.example/",
  "//evil.example/",
  "/\\evil.example/",
  "\\\\evil.example/",
  "/%09/evil.example/",
  "/\t/evil.example/",
  "///evil.example/",
  "javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "https:evil.example",
  "@evil.example",
  ".evil.example",
  "/sign-out",
];

export const tests = {
  // PCI DSS 6.2.4: a page of somebody else cannot show the bank's under its own.
  // ASVS 3.4.6: a browser shows no page of the bank in another's frame.
  "no page of the bank is shown in somebody else's frame": async (stage) => {
    const page = await stage.open();
    await signIn(stage, page, stage.bank.customer("asha"));
    const frame = (path) => `<iframe src="${stage.bank.url}${path}"></iframe>`;
    const pages = ["/", "/sign-in", "/send", "/no-such-page"];
    await elsewhere(pages.map(frame).join(""), async (site) => {
      await page.goto(site, { waitUntil: "load" });
      assert.equal(page.frames().length, pages.length + 1);
      for (const framed of page.frames().slice(1)) {
        assert.equal(await framed.locator("main, form, .brand").count(), 0, framed.url());
      }
    });
    stage.forgive(/a request to|frame-ancestors|X-Frame-Options|chrome-error|ERR_BLOCKED_BY_RESPONSE/);
  },

  // ASVS 3.5.1: a browser that sends another site's form is refused.
  "a form of another site does nothing": async (stage) => {
    const page = await stage.open();
    await signIn(stage, page, stage.bank.customer("asha"));
    const form = `<form method="post" action="${stage.bank.url}/sign-out"><button>Win a prize</button></form>`;
    await elsewhere(form, async (site) => {
      await page.goto(site);
      const answered = page.waitForResponse((response) => response.url().endsWith("/sign-out"));
      await page.getByRole("button", { name: "Win a prize" }).click();
      assert.equal((await answered).status(), 403);
    });
    stage.forgive(/a request to/);
    await page.goto("/");
    await page.getByRole("button", { name: "Sign out" }).waitFor();
  },

  // ASVS 3.7.2: however an address is written, the sign-in stays in the bank.
  "a sign-in leads nowhere but into the bank": async (stage) => {
    const page = await stage.open();
    for (const next of AWAY) {
      await signIn(stage, page, stage.bank.customer("asha"), { door: `/sign-in?next=${encodeURIComponent(next)}` });
      assert.equal(new URL(page.url()).origin, stage.bank.url, next);
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.waitForURL(/\/sign-in/);
    }
    await signIn(stage, page, stage.bank.customer("asha"), { door: "/sign-in?next=/payees" });
    assert.equal(new URL(page.url()).pathname, "/payees", "and where it was meant to");
  },

  // ASVS 14.3.1: what was shown before the sign-out is not found again.
  "after signing out, the back button shows nothing": async (stage) => {
    const asha = stage.bank.customer("asha");
    const page = await stage.open();
    await signIn(stage, page, asha);
    await page.goto(`/accounts/${asha.accounts[0].id}`);
    await page.goto("/");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(/\/sign-in/);
    for (let step = 0; step < 3; step += 1) {
      await page.goBack();
      await page.waitForLoadState();
      assert.doesNotMatch(await page.innerText("body"), /Savings|₹/, page.url());
    }
  },
};
