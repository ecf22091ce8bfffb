// The main ways through both sites as somebody hears them, and by keyboard alone.

import assert from "node:assert/strict";

import { act, findCustomer, givePassword, order, prove, sendButton, signIn, signInAtConsole } from "../people.js";
import { all, one, tree, unheard } from "../tree.js";

export const seconds = 60;

const MAX_TABS = 80;

// The tree of a page on which nothing is wrong.
async function hear(page) {
  assert.deepEqual(await unheard(page), [], page.url());
  return tree(page);
}

// A field that is wrong says so, says why, and has the focus if it is the first of them.
function isWrong(nodes, role, name, why) {
  const field = one(nodes, role, name);
  assert.ok(field.invalid, `${name} is told as right`);
  assert.match(field.description, why);
  return field;
}

// An alert is what is told at once; its text is in it.
async function alertOf(page, text) {
  const nodes = await hear(page);
  const alerts = all(nodes, "alert").map(({ live }) => live);
  assert.deepEqual(alerts, ["assertive"], "one thing is told at once");
  assert.match(await page.getByRole("alert").innerText(), text);
  return nodes;
}

const focusOf = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    const { top, bottom, width } = element.getBoundingClientRect();
    return {
      text: (element.labels?.[0]?.textContent ?? element.getAttribute("aria-label") ?? element.textContent).trim(),
      tag: element.tagName,
      id: element.id,
      isShown: width > 0 && bottom > 0 && top < window.innerHeight,
      isMarked: (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none",
    };
  });

// Goes on with the Tab key until it stands on what is called so.
async function tabTo(page, text) {
  const passed = [];
  for (let count = 0; count < MAX_TABS; count += 1) {
    await page.keyboard.press("Tab");
    const focus = await focusOf(page);
    assert.ok(focus.tag === "BODY" || (focus.isShown && focus.isMarked), `${focus.tag} ${focus.text}: the focus is not seen`);
    if (text instanceof RegExp ? text.test(focus.text) : focus.text === text) return;
    passed.push(focus.text);
  }
  assert.fail(`the Tab key does not lead to ${text}, but to ${passed}`);
}

export const tests = {
  // WCAG 2.2 §3.3.1, §4.1.3: what is wrong is told, where it is wrong and at once.
  "a sign-in and a payment with their mistakes, heard": async (stage) => {
    const [mateo, ines] = ["mateo", "ines"].map((name) => stage.bank.customer(name));
    const page = await stage.open();
    await page.goto("/sign-in");
    const door = await hear(page);
    for (const name of ["E-mail", "Password"]) one(door, "textbox", name);
    await givePassword(page, { email: ines.email, password: "not the password of anybody" });
    await page.getByRole("alert").waitFor();
    await alertOf(page, /\w/);
    assert.equal(await page.evaluate(() => document.activeElement.closest("main") !== null), true, "the focus is where the fault is");

    await signIn(stage, page, ines);
    const first = await hear(page);
    one(first, "navigation", "Main");
    assert.ok(all(first, "image").length > 0, "a chart is an image with a name");
    await page.goto("/send");
    await page.getByLabel("Name of the account's holder").fill("Mateo Silva");
    await page.getByLabel("Amount", { exact: true }).fill("12,5");
    await page.getByRole("button", { name: "Review", exact: true }).click();
    await page.getByRole("alert").waitFor();
    const wrong = await alertOf(page, /\w/);
    isWrong(wrong, "textbox", "Account number", /\w/);
    isWrong(wrong, "textbox", "Amount", /\w/);
    assert.ok(wrong.some(({ invalid, focused }) => invalid && focused), "the first fault has the focus");

    await order(page, { from: ines.accounts[0], number: mateo.accounts[0].number, name: "Mateo Silva", amount: "1,050", memo: "Chairs" });
    const review = await hear(page);
    one(review, "button", /^Send \S*1,050/);
    await sendButton(page).click();
    await page.getByRole("heading", { name: "Confirm that it is you" }).waitFor();
    const asked = await hear(page);
    one(asked, "textbox", "Code from your authenticator app");
    await prove(stage, page, ines);
    await page.getByRole("heading", { name: "Money sent" }).waitFor();
    one(await hear(page), "heading", "Money sent");

    // Entries are a list of links, each with who, what for, when and how much.
    await page.goto(`/accounts/${ines.accounts[0].id}`);
    const entries = await hear(page);
    const told = all(entries, "link").map(({ name }) => name);
    assert.ok(told.some((name) => /Chairs/.test(name) && /1,050\.00/.test(name)), `no entry is told whole: ${told}`);
  },

  "a freeze at the console, with its mistakes, heard": async (stage) => {
    const page = await stage.open();
    await signInAtConsole(stage, page, stage.bank.operator("reviewer"));
    const home = await hear(page);
    one(home, "navigation", "Console");
    await findCustomer(page, stage.bank.customer("asha"));
    await hear(page);
    await act(page, "Show name and addresses", { Purpose: "short" });
    await page.getByRole("alert").waitFor();
    const wrong = await alertOf(page, /marked/);
    isWrong(wrong, "textbox", "Purpose", /8/);
    await page.getByRole("link", { name: stage.bank.customer("asha").accounts[0].name }).first().click();
    const account = await hear(page);
    const heads = all(account, "columnheader").map(({ name }) => name);
    for (const name of ["Posted", "From or to", "Amount"]) assert.ok(heads.includes(name), `no column ${name} in ${heads}`);
    one(account, "table", "Entries");
    assert.ok(all(account, "rowheader").length > 0);
    await act(page, "Freeze");
    await page.getByText("The account is frozen.").waitFor();
    const frozen = await hear(page);
    const [notice] = all(frozen, "status");
    assert.equal(notice?.live, "polite");
    await act(page, "Open again");
    await page.getByText("The account is open again.").waitFor();
    await page.goto("/console/events?from=yesterday");
    const events = await alertOf(page, /marked/);
    isWrong(events, "textbox", "From", /2026-11-22/);
  },

  // WCAG 2.2 §2.1.1, §2.4.1, §2.4.7, §2.4.11: everything by keyboard, and always seen where one is.
  "a sign-in and a payment by keyboard alone": async (stage) => {
    const [asha, mateo] = ["asha", "mateo"].map((name) => stage.bank.customer(name));
    const page = await stage.open();
    await page.goto("/sign-in");
    await page.keyboard.press("Tab");
    assert.match((await focusOf(page)).text, /^Skip/);
    await page.keyboard.press("Enter");
    assert.equal((await focusOf(page)).id, "main");
    await tabTo(page, "E-mail");
    await page.keyboard.type(asha.email);
    await tabTo(page, "Password");
    await page.keyboard.type(asha.password);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    await tabTo(page, "Send money");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/send/);
    await tabTo(page, "From");
    await page.keyboard.press("ArrowDown");
    await tabTo(page, "Account number");
    await page.keyboard.type(mateo.accounts[0].number);
    await tabTo(page, /^Name of the account/);
    await page.keyboard.type("Mateo Silva");
    await tabTo(page, "Amount");
    await page.keyboard.type("4.20");
    await page.keyboard.press("Enter");
    await sendButton(page).waitFor();
    await tabTo(page, /^Send \S*4\.20$/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: /^(Money sent|Confirm that it is you)$/ }).waitFor();
    if (await page.getByLabel("Your password").isVisible()) {
      await tabTo(page, "Your password");
      await page.keyboard.type(asha.password);
      await page.keyboard.press("Enter");
    }
    await page.getByRole("heading", { name: "Money sent" }).waitFor();
  },
};
