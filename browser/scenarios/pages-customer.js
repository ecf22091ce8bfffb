// Every page that customers see: one with money and history, one on their first day, one with a second factor.

import assert from "node:assert/strict";

import { crawl } from "../crawl.js";
import { order, sendOrder, signIn, signUp } from "../people.js";

export const seconds = 110;

async function allFine(stage, page, named, atLeast) {
  const { seen, complaints } = await crawl(stage, page, { from: ["/"], named });
  const largest = Math.max(...seen.map(({ bytes }) => bytes));
  console.log(`pages of ${named}: ${seen.length}, the largest has ${(largest / 1024).toFixed(1)} KB`);
  assert.deepEqual(complaints, []);
  assert.ok(seen.length >= atLeast, `only ${seen.map(({ path }) => path)}`);
}

export const tests = {
  "a customer with money and payees": async (stage) => {
    const [asha, mateo] = ["asha", "mateo"].map((name) => stage.bank.customer(name));
    const token = await stage.bank.token(asha);
    const [everyday, savings] = asha.accounts;
    for (let count = 1; count <= 30; count += 1) {
      const body = { from: everyday.id, to: savings.id, amount: count * 111, currency: "INR", memo: `Week ${count}` };
      await stage.bank.must("POST", "/v1/transfers", { token, body });
    }
    const payee = { account: mateo.accounts[0].number, name: "Mateo Silva" };
    await stage.bank.must("POST", "/v1/beneficiaries", { token, body: payee });
    const page = await stage.open();
    await signIn(stage, page, asha);
    await order(page, { from: everyday, number: stage.bank.customer("ines").accounts[0].number, name: "Ines Keller", amount: "7" });
    await sendOrder(stage, page, asha);
    await allFine(stage, page, "customer", 15);
  },

  "a customer with an authenticator": async (stage) => {
    const page = await stage.open();
    await signIn(stage, page, stage.bank.customer("ines"));
    await allFine(stage, page, "factor", 15);
  },

  "a customer without an account": async (stage) => {
    const page = await stage.open();
    await signUp(page, { full_name: "New Person", email: "new@example.test", password: "nineteen brown umbrellas here" });
    await allFine(stage, page, "fresh", 8);
  },
};
