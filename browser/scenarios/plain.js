// The bank without script, narrow, dark, in Hindi, and on paper.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";

import { audit, NARROW, overflow } from "../audit.js";
import { order, sendButton, sendOrder, signIn, signOut } from "../people.js";

export const seconds = 40;

const toMateo = (stage, amount) => ({
  from: stage.bank.customer("asha").accounts[0],
  number: stage.bank.customer("mateo").accounts[0].number,
  name: "Mateo Silva",
  amount,
});

export const tests = {
  "without script, from the sign-in to the receipt": async (stage) => {
    const asha = stage.bank.customer("asha");
    const page = await stage.open({ script: false });
    await signIn(stage, page, asha);
    const before = await stage.bank.posted(asha.accounts[0].id);
    await order(page, toMateo(stage, "1,234.50"));
    await sendOrder(stage, page, asha);
    assert.match(await page.innerText("main"), /1,234\.50/);
    await stage.picture(page, "without-script");
    assert.equal(before - (await stage.bank.posted(asha.accounts[0].id)), 123_450);
    await page.goto("/");
    await signOut(page);
  },

  "at 320 px no step of a payment scrolls sideways": async (stage) => {
    const page = await stage.open(NARROW);
    await page.goto("/sign-in");
    await stage.picture(page, "narrow-sign-in");
    assert.deepEqual(await overflow(page), []);
    await signIn(stage, page, stage.bank.customer("asha"));
    assert.deepEqual(await overflow(page), []);
    await stage.picture(page, "narrow-overview");
    await order(page, { ...toMateo(stage, "33,333.33"), memo: "Unbreakable".repeat(9) });
    assert.deepEqual(await overflow(page), []);
    await stage.picture(page, "narrow-review");
    assert.deepEqual(await audit(stage, page), []);
  },

  "in the dark, each step of a payment holds its contrast": async (stage) => {
    const page = await stage.open({ dark: true });
    await signIn(stage, page, stage.bank.customer("asha"));
    await stage.picture(page, "dark-overview");
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red, green, blue] = ground.match(/\d+/g).map(Number);
    assert.ok(red + green + blue < 200, `the ground is ${ground}`);
    await order(page, toMateo(stage, "5"));
    await stage.picture(page, "dark-review");
    assert.deepEqual(await audit(stage, page), []);
    await sendButton(page).click();
    await page.waitForURL(/\/transfers\//);
    assert.deepEqual(await audit(stage, page), []);
  },

  "in Hindi, with its own words and grouping": async (stage) => {
    const page = await stage.open({ language: "hi-IN" });
    await page.goto("/sign-in");
    assert.match(await page.getAttribute("html", "lang"), /^hi/);
    const asha = stage.bank.customer("asha");
    await page.getByLabel("ई-मेल").fill(asha.email);
    await page.getByLabel("पासवर्ड").fill(asha.password);
    await page.getByRole("button", { name: "साइन इन करें", exact: true }).click();
    await page.getByRole("button", { name: "साइन आउट करें" }).waitFor();
    assert.match(await page.innerText("main"), /₹\s?\d{1,2},\d\d,\d{3}\.\d\d/);
    await stage.picture(page, "hindi-overview");
    assert.deepEqual(await audit(stage, page), []);
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    assert.match(await page.getAttribute("html", "lang"), /^en/);
  },

  "a receipt is printed on one page, without what is only for the screen": async (stage) => {
    const page = await stage.open();
    const asha = stage.bank.customer("asha");
    await signIn(stage, page, asha);
    await order(page, toMateo(stage, "42"));
    await sendOrder(stage, page, asha);
    await page.emulateMedia({ media: "print" });
    for (const part of ["nav", "footer", "button"]) {
      const seen = await page.locator(part).evaluateAll((all) => all.filter((one) => one.checkVisibility()).length);
      assert.equal(seen, 0, `${part} on paper`);
    }
    assert.match(await page.innerText("main"), /42\.00/);
    const path = join(stage.pictures, "plain-receipt.pdf");
    const pdf = await page.pdf({ path, format: "A4" });
    assert.ok(statSync(path).size > 1_000);
    assert.equal(pdf.toString("latin1").match(/\/Type\s*\/Page[^s]/g)?.length, 1);
  },
};
