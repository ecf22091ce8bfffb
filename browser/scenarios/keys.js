// Security keys and passkeys, with an authenticator made of software in the browser.

import assert from "node:assert/strict";

import { audit } from "../audit.js";
import { addKey, order, sendOrder, signIn, signOut, withAuthenticator } from "../people.js";

export const seconds = 40;

const RENT = { amount: "12,500.50", name: "Mateo Silva", memo: "Rent, my half" };

export const tests = {
  "with a passkey alone, from the sign-in to the receipt": async (stage) => {
    const [asha, mateo] = ["asha", "mateo"].map((name) => stage.bank.customer(name));
    const page = await stage.open();
    await withAuthenticator(page, { transport: "internal", isPasskey: true });
    await signIn(stage, page, asha);
    await addKey(stage, page, asha, { kind: "passkey", name: "This laptop" });
    await signOut(page);

    await page.goto("/sign-in");
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    const before = await stage.bank.posted(asha.accounts[0].id);
    await order(page, { ...RENT, from: asha.accounts[0], number: mateo.accounts[0].number });
    await sendOrder(stage, page, { key: true });
    assert.match(await page.innerText("main"), /12,500\.50/);
    await stage.picture(page, "receipt");
    assert.deepEqual(await audit(stage, page), []);
    assert.equal(before - (await stage.bank.posted(asha.accounts[0].id)), 1_250_050);
  },

  "with a security key as the second factor, from the sign-in to the receipt": async (stage) => {
    const [mateo, asha] = ["mateo", "asha"].map((name) => stage.bank.customer(name));
    const page = await stage.open();
    await withAuthenticator(page, { transport: "usb", isPasskey: false });
    await signIn(stage, page, mateo);
    await addKey(stage, page, mateo, { kind: "security_key", name: "Blue key" });
    await signOut(page);

    await page.goto("/sign-in");
    await page.getByLabel("E-mail").fill(mateo.email);
    await page.getByLabel("Password").fill(mateo.password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("button", { name: "Use a security key or passkey" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    await order(page, { from: mateo.accounts[0], number: asha.accounts[0].number, name: "Asha Rao", amount: "25" });
    await sendOrder(stage, page, { key: true });
    assert.match(await page.innerText("main"), /25\.00/);
  },
};
