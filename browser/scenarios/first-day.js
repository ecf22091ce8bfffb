// Somebody's first day: from no customer to a receipt, with an authenticator app.

import assert from "node:assert/strict";

import { audit } from "../audit.js";
import { addAuthenticator, confirmAddress, givePassword, giveCode, order, prove, sendButton, signOut, signUp } from "../people.js";

export const seconds = 40;

const NOOR = {
  full_name: "Noor Haddad",
  email: "noor@example.test",
  password: "teal kettle 73 by the harbour",
};

export const tests = {
  "sign-up, first account, authenticator, a payment that asks for it, receipt": async (stage) => {
    const page = await stage.open();
    const isFine = async (name) => {
      await stage.picture(page, name);
      assert.deepEqual((await audit(stage, page)).map((text) => `${name}: ${text}`), []);
    };

    await signUp(page, NOOR);
    await isFine("welcome");
    await confirmAddress(stage, page);
    await page.getByLabel("Currency").selectOption("INR");
    await page.getByLabel("Name of the account").fill("Household");
    await page.getByRole("button", { name: "Open the account" }).click();
    await page.getByText("You have an account.").waitFor();
    const { id } = (await stage.bank.must("GET", "/v1/accounts", { token: await stage.bank.token(NOOR) })).data[0];
    await stage.bank.deposit(id, 5_000_000);

    const { secret, codes } = await addAuthenticator(stage, page, NOOR);
    assert.equal(codes.length, 10);
    await isFine("security");
    await signOut(page);
    await givePassword(page, NOOR);
    await page.getByRole("heading", { level: 1, name: "One more step" }).waitFor();
    await isFine("second-factor");
    await giveCode(stage, page, secret);
    await page.getByRole("button", { name: "Sign out" }).waitFor();

    const { number } = stage.bank.customer("asha").accounts[0];
    await order(page, { from: { id }, number, name: "Asha Rao", amount: "10,500", memo: "For the bicycle" });
    await isFine("review");
    await sendButton(page).click();
    await page.getByRole("heading", { name: "Confirm that it is you" }).waitFor();
    const asked = await page.innerText("main");
    assert.match(asked, /10,500\.00/, "the step-up says how much");
    assert.match(asked, /Asha Rao/, "and to whom");
    await isFine("step-up");
    await prove(stage, page, { totp_secret: secret });
    await page.getByRole("heading", { name: "Money sent" }).waitFor();
    assert.match(await page.innerText("main"), new RegExp(`10,500\\.00[^]*${number}[^]*For the bicycle`));
    await isFine("receipt");
    assert.equal(await stage.bank.posted(id), 5_000_000 - 1_050_000);
  },
};
