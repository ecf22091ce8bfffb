// Operators at work, and the customers who feel it.

import assert from "node:assert/strict";

import { audit } from "../audit.js";
import { act, findCustomer, givePassword, order, sendButton, signIn, signInAtConsole, signOut } from "../people.js";

export const seconds = 45;

const standing = (page) => page.locator(".headline .badge");

export const tests = {
  "a freeze that the customer meets, and its end": async (stage) => {
    const [asha, mateo] = ["asha", "mateo"].map((name) => stage.bank.customer(name));
    const [account] = asha.accounts;
    const desk = await stage.open();
    await signInAtConsole(stage, desk, stage.bank.operator("reviewer"));
    await stage.picture(desk, "first");
    await findCustomer(desk, asha);
    const masked = await desk.innerText("main");
    assert.doesNotMatch(masked, /Asha Rao|asha@example\.test/, "masked until a purpose is given");
    await act(desk, "Show name and addresses", { Purpose: "Asha Rao called about a lost telephone" });
    await desk.getByText("Asha Rao").first().waitFor();
    await stage.picture(desk, "revealed");
    assert.deepEqual(await audit(stage, desk), []);
    await desk.getByRole("link", { name: account.name }).first().click();
    await act(desk, "Freeze");
    await standing(desk).getByText("frozen", { exact: false }).waitFor();
    await stage.picture(desk, "frozen");

    const window = await stage.open();
    await signIn(stage, window, asha);
    assert.match(await window.innerText("main"), /frozen/i);
    const before = await stage.bank.posted(account.id);
    const payment = { from: account, number: mateo.accounts[0].number, name: "Mateo Silva", amount: "3" };
    await order(window, payment).catch(() => undefined);
    if (await sendButton(window).isVisible()) await sendButton(window).click();
    await window.getByRole("alert").first().waitFor();
    assert.match(await window.innerText("main"), /frozen/i);
    await stage.picture(window, "refused");
    assert.deepEqual(await audit(stage, window), []);
    assert.equal(await stage.bank.posted(account.id), before);

    await act(desk, "Open again");
    await standing(desk).getByText("open", { exact: false }).waitFor();
    await order(window, payment);
    await sendButton(window).click();
    await window.waitForURL(/\/transfers\//);
    assert.equal(await stage.bank.posted(account.id), before - 300);
  },

  "what one operator asks for, another approves": async (stage) => {
    const mateo = stage.bank.customer("mateo");
    const maker = await stage.open();
    await signInAtConsole(stage, maker, stage.bank.operator("auditor"));
    await findCustomer(maker, mateo);
    await act(maker, "Lock");
    await standing(maker).getByText("locked", { exact: false }).waitFor();
    const window = await stage.open();
    await window.goto("/sign-in");
    await givePassword(window, mateo);
    await window.getByRole("alert").waitFor();

    await act(maker, "Unlock");
    await maker.waitForURL(/\/console\/approvals\/apr_/);
    await stage.picture(maker, "asked");
    assert.equal(await maker.getByRole("button", { name: "Approve", exact: true }).count(), 0, "not by oneself");
    const path = new URL(maker.url()).pathname;

    const checker = await stage.open();
    await signInAtConsole(stage, checker, stage.bank.operator("reviewer"));
    await checker.goto("/console/approvals?status=pending");
    assert.deepEqual(await audit(stage, checker), []);
    await stage.picture(checker, "queue");
    await checker.locator(`main a[href^="${path}"]`).first().click();
    await checker.waitForURL(`**${path}`);
    await act(checker, "Approve");
    await checker.getByText(/approved/i).first().waitFor();
    await stage.picture(checker, "approved");

    await signIn(stage, window, mateo);
    await signOut(window);
  },
};
