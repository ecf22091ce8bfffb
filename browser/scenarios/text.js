// Whatever somebody types is text: every string of the "big list of naughty strings" comes back as itself, and none does
// anything. A dialog, an error of a script or a request elsewhere in any window fails the test by itself.
//
// The list is read from the folder in EXCHEQUER_REFS; without it nothing is tested here, which is said.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { act, addKey, order, sendButton, signIn, signInAtConsole, withAuthenticator } from "../people.js";

export const seconds = 60;

// As many as fit into the time where each one is a page of its own; the most dangerous first.
const SAMPLE = 24;
const MAX_MEMO = 140;

function strings() {
  const folder = process.env.EXCHEQUER_REFS;
  if (!folder) {
    console.log("EXCHEQUER_REFS is not set: no hostile strings to type");
    return [];
  }
  return JSON.parse(readFileSync(join(folder, "blns.json"), "utf8")).filter((text) => text.trim() !== "");
}

const danger = (text) => (text.match(/[<>"'&`{}$\\]|javascript|script|on\w+=/gi) ?? []).length;

function sample(fits) {
  const all = strings().filter(fits).sort((a, b) => danger(b) - danger(a));
  // Half of them by danger, half from all over the list: other scripts, emoji, what looks like a format or a path.
  const rest = all.slice(SAMPLE / 2);
  const step = Math.max(1, Math.floor(rest.length / (SAMPLE / 2)));
  return [...all.slice(0, SAMPLE / 2), ...rest.filter((_, index) => index % step === 0).slice(0, SAMPLE / 2)];
}

// HTML's own reading of line ends, what no document can hold, and no blanks around it (U+0085 is one for the bank).
const asHtml = (text) =>
  text.replaceAll(/\r\n?/g, "\n").replaceAll("\0", "\uFFFD").replaceAll(/^[\s\x85]+|[\s\x85]+$/g, "");

// Those of `wanted` that are no text node of the page.
const missing = (page, wanted) =>
  page.evaluate((texts) => {
    const found = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) found.add(walker.currentNode.data.trim());
    return texts.filter((text) => !found.has(text.trim()));
  }, wanted.map(asHtml));

// What the fields of a form hold when the bank gives it back because of `fault`, for each string in all of them.
async function givenBack(page, form, names, fault, texts) {
  return page.evaluate(
    async ([selector, fields, wrong, all]) => {
      const sent = document.querySelector(selector);
      const ask = (body) =>
        new Promise((resolve, reject) => {
          const request = new XMLHttpRequest();
          request.open("POST", sent.action);
          // Parsed by the browser itself, into a document that is never shown.
          request.responseType = "document";
          request.onload = () => resolve({ status: request.status, page: request.response });
          request.onerror = reject;
          request.send(body);
        });
      const wrongs = [];
      for (const text of all) {
        const body = new URLSearchParams(new FormData(sent));
        for (const name of fields) body.set(name, text);
        for (const [name, value] of Object.entries(wrong)) body.set(name, value);
        const { status, page: answer } = await ask(body);
        for (const name of fields) {
          const value = answer?.querySelector(`[name="${name}"]`)?.getAttribute("value");
          if (value?.trim() !== text.trim()) wrongs.push({ name, text, value, status });
        }
      }
      return wrongs;
    },
    [form, names, fault, texts.map(asHtml)],
  );
}

export const tests = {
  "every string, in each field of the forms for signing up and paying": async (stage) => {
    const page = await stage.open();
    await page.goto("/sign-up");
    const signUp = 'form[action="/sign-up"]';
    const fault = { email: "no address", password: "short" };
    assert.deepEqual(await givenBack(page, signUp, ["full_name", "phone"], fault, strings()), []);
    await signIn(stage, page, stage.bank.customer("asha"));
    await page.goto("/send");
    const send = 'form[action="/send/review"]';
    assert.deepEqual(await givenBack(page, send, ["to", "name", "amount", "memo"], { payee: "" }, strings()), []);
    await page.goto("/payees/new");
    const payee = 'form[action="/payees/review"]';
    assert.deepEqual(await givenBack(page, payee, ["account", "name"], {}, strings()), []);
  },

  // ASVS 3.2.2: every string is a text node of the page, as it was typed.
  "every string that a memo may be, in the list of entries": async (stage) => {
    const asha = stage.bank.customer("asha");
    const [from, to] = asha.accounts;
    const token = await stage.bank.token(asha);
    const fitting = strings().filter((text) => [...text].length <= MAX_MEMO);
    let transfers = fitting.map((memo) => ({ from: from.id, to: to.id, amount: 1, currency: "INR", memo }));
    const send = () => stage.bank.ask("POST", "/v1/transfers/batch", { token, body: { transfers, atomic: true } });
    let answer = transfers.length > 0 ? await send() : undefined;
    if (answer?.status === 422) {
      // Control characters are none that a memo may have; the answer names them all.
      const refused = new Set(answer.json.fields.map(({ field }) => Number(/\d+/.exec(field)[0])));
      transfers = transfers.filter((_, index) => !refused.has(index));
      answer = await send();
    }
    let taken = new Set((answer?.json.results ?? []).map(({ transfer }) => asHtml(transfer.memo).trim()));
    assert.ok(taken.size > fitting.length * 0.9 || fitting.length === 0, `only ${taken.size} memos were taken`);
    const page = await stage.open();
    await signIn(stage, page, asha);
    await page.goto(`/accounts/${to.id}`);
    for (let left = taken.size; left > 0; left = taken.size) {
      const unseen = new Set(await missing(page, [...taken]));
      taken = new Set([...taken].filter((text) => unseen.has(text)));
      const more = page.locator("a[data-more]");
      if (taken.size === 0 || (await more.count()) === 0) break;
      await page.goto(await more.getAttribute("href"));
    }
    assert.deepEqual([...taken], []);
  },

  "the worst of them, as a payee, in a review, on a receipt and as the name of an account": async (stage) => {
    const asha = stage.bank.customer("asha");
    const { number } = stage.bank.customer("mateo").accounts[0];
    const token = await stage.bank.token(asha);
    const page = await stage.open();
    await signIn(stage, page, asha);
    const isTaken = (text) => [...text].length <= 60 && text === text.trim() && !/\p{C}/u.test(text);
    for (const text of sample(isTaken)) {
      const account = await stage.bank.ask("POST", "/v1/accounts", { token, body: { currency: "INR", name: text } });
      await order(page, { from: asha.accounts[0], number, name: text, amount: "1", memo: text });
      assert.deepEqual(await missing(page, [text]), [], `the review of ${text}`);
      await sendButton(page).click();
      await page.waitForURL(/\/transfers\//);
      assert.deepEqual(await missing(page, [text]), [], `the receipt of ${text}`);
      if (account.status !== 201) continue;
      await page.goto(`/accounts/${account.json.id}`);
      assert.deepEqual(await missing(page, [text]), [], `the account ${text}`);
      await stage.bank.ask("POST", `/v1/accounts/${account.json.id}/close`, { token });
    }
  },

  "the worst of them, as what operators write: a search, a deposit, a purpose": async (stage) => {
    const asha = stage.bank.customer("asha");
    const page = await stage.open();
    await signInAtConsole(stage, page, stage.bank.operator("teller"));
    await page.goto("/console/customers");
    const search = 'form[action="/console/customers"]';
    // A page of what was found answers by an address; what was typed is in its field again.
    assert.deepEqual(await givenBack(page, search, ["query"], {}, strings()), []);
    await page.goto("/console/accounts");
    assert.deepEqual(await givenBack(page, 'form[action="/console/accounts"]', ["account"], {}, strings()), []);
    const isTaken = (text) => [...text].length <= 100 && text === text.trim() && !/\p{C}/u.test(text);
    for (const text of sample(isTaken).slice(0, SAMPLE / 2)) {
      await page.goto(`/console/accounts/${asha.accounts[0].id}`);
      await act(page, "Deposit", { Amount: "1", Reference: text });
      await page.waitForURL(/done=deposited/);
      assert.deepEqual(await missing(page, [text]), [], `the deposit of ${text}`);
    }
  },

  "one as the name of a security key, and in the address": async (stage) => {
    const page = await stage.open();
    await withAuthenticator(page, { transport: "usb", isPasskey: false });
    const mateo = stage.bank.customer("mateo");
    await signIn(stage, page, mateo);
    const name = `"><img src=x onerror=alert(1)>`;
    await addKey(stage, page, mateo, { kind: "security_key", name });
    assert.deepEqual(await missing(page, [name]), []);
    for (const text of sample((one) => one.length < 200)) {
      for (const path of ["/sign-in?done=", "/security/activity?cursor=", "/payees/new?account=", "/send?payee="]) {
        const answer = await page.goto(path + encodeURIComponent(text));
        assert.ok(answer.status() < 500, `${path}${text}`);
      }
    }
  },
};
