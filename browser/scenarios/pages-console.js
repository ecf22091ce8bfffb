// Every page that operators see, in each role, of a bank where things have happened.

import assert from "node:assert/strict";

import { crawl } from "../crawl.js";
import { findCustomer, signInAtConsole } from "../people.js";

export const seconds = 120;

async function allFine(stage, name, atLeast) {
  const operator = stage.bank.operator(name);
  const page = await stage.open();
  await signInAtConsole(stage, page, operator);
  // Nobody is found by an address alone: what is looked for stands in none.
  await findCustomer(page, stage.bank.customer("asha"));
  const from = ["/console", new URL(page.url()).pathname];
  const { seen, complaints } = await crawl(stage, page, { from, within: "/console", named: operator.role });
  const largest = Math.max(...seen.map(({ bytes }) => bytes));
  console.log(`pages of the role ${operator.role}: ${seen.length}, the largest has ${(largest / 1024).toFixed(1)} KB`);
  assert.deepEqual(complaints, []);
  assert.ok(seen.length >= atLeast, `only ${seen.map(({ path }) => path)}`);
}

const FAILS_WITHIN_MS = 30_000;

// Webhooks are sent by a job of the bank's own: an endpoint fails some moments after the payment.
async function failing(bank, token) {
  const end = Date.now() + FAILS_WITHIN_MS;
  while (Date.now() < end) {
    const { data } = await bank.must("GET", "/v1/staff/webhook_endpoints?trouble=true", { token });
    if (data.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assert.fail("no endpoint fails");
}

export const tests = {
  "an administrator": async (stage) => {
    const { bank } = stage;
    const token = await bank.token(bank.operator("reviewer"), "/v1/staff/login");
    const asha = bank.customer("asha");
    // Something waits for a second operator, and something was decided at once.
    const limits = `/v1/staff/accounts/${asha.accounts[1].id}/limits`;
    await bank.must("POST", limits, { token, body: { per_day: 1_000_000 } });
    await bank.must("POST", limits, { token, body: { per_day: 2_000_000 } });
    for (const outcome of ["approved", "card_declined", "insufficient_funds"]) await bank.charge(outcome, 125_000);
    const { id } = await bank.charge("approved", 99_900);
    await bank.signed("POST", `/v1/payments/${id}/refunds`, { amount: 30_000 });
    // What is wide: large amounts, and an endpoint with a long address that is nowhere and so takes nothing (RFC 6761 §6.4).
    const url = `https://shop.invalid/${"a-long-way-to-the-hooks/".repeat(6)}`;
    await bank.signed("POST", "/v1/webhook_endpoints", { url });
    await bank.charge("approved", 98_765_432_10);
    await failing(bank, token);
    await allFine(stage, "deputy", 12);
  },
  "a compliance officer": (stage) => allFine(stage, "auditor", 12),
  "support": (stage) => allFine(stage, "support", 8),
  "a teller": (stage) => allFine(stage, "teller", 4),
};
