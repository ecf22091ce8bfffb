// A payment is sent once: two clicks within a frame, two requests at a time, reload, back, and an answer that is lost.

import assert from "node:assert/strict";

import { order, sendButton, signIn } from "../people.js";

export const seconds = 30;

// At the review page of a payment of ten rupees, and how much has left the account since.
async function atReview(stage) {
  const [asha, mateo] = ["asha", "mateo"].map((name) => stage.bank.customer(name));
  const { id } = asha.accounts[0];
  const page = await stage.open();
  await signIn(stage, page, asha);
  const before = await stage.bank.posted(id);
  await order(page, { from: asha.accounts[0], number: mateo.accounts[0].number, name: "Mateo Silva", amount: "10" });
  return { page, sent: async () => before - (await stage.bank.posted(id)) };
}

const isReceipt = /\/transfers\/trf_/;

export const tests = {
  "two clicks within a frame": async (stage) => {
    const { page, sent } = await atReview(stage);
    await sendButton(page).evaluate((button) => {
      button.click();
      button.click();
    });
    await page.waitForURL(isReceipt);
    assert.equal(await sent(), 1_000);
  },

  "two requests at a time": async (stage) => {
    const { page, sent } = await atReview(stage);
    const ended = await sendButton(page).evaluate(async ({ form }) => {
      const post = () => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const answers = await Promise.all([post(), post(), post()]);
      return answers.map(({ status, url }) => `${status} ${new URL(url).pathname}`);
    });
    assert.equal(new Set(ended).size, 1, `one answer for all: ${ended}`);
    assert.match(ended[0], /^200 \/transfers\/trf_/);
    assert.equal(await sent(), 1_000);
  },

  "reload after sending, then back, and send again": async (stage) => {
    const { page, sent } = await atReview(stage);
    await sendButton(page).click();
    await page.waitForURL(isReceipt);
    await page.reload();
    assert.match(page.url(), isReceipt);
    // The review came by POST and is kept by nobody: the browser asks before it sends that form again, and what it then
    // shows is the same review with the same key.
    await page.goBack().catch((error) => assert.match(error.message, /ERR_CACHE_MISS/));
    await page.waitForURL(/chrome-error|review/);
    await page.reload();
    await sendButton(page).click();
    await page.waitForURL(isReceipt);
    assert.equal(await sent(), 1_000);
  },

  "an answer that was lost": async (stage) => {
    const { page, sent } = await atReview(stage);
    let lost = 0;
    await page.route("**/send", async (route) => {
      if (lost > 0 || route.request().method() !== "POST") return route.continue();
      lost += 1;
      await route.fetch({ maxRedirects: 0 });
      return route.abort("connectionreset");
    });
    const review = { url: page.url(), fields: await fieldsOf(sendButton(page)) };
    await sendButton(page).click();
    await page.waitForURL(/chrome-error/);
    assert.equal(await sent(), 1_000, "it has arrived");
    // The browser's own "try again" is the same request.
    await page.goto(new URL("/", review.url).href);
    const answer = await page.request.post("/send", { form: review.fields, headers: { origin: stage.bank.url } });
    assert.match(answer.url(), isReceipt);
    assert.equal(await sent(), 1_000);
  },
};

async function fieldsOf(button) {
  return button.evaluate(({ form }) => Object.fromEntries(new FormData(form)));
}
