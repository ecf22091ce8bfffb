// Uses types that were generated from the document: register, sign in, open, send, repeat, read, be refused.
//
// node use.js URL EMAIL PASSWORD ACCOUNT, compiled by `tsc --strict` beside the generated `bank.ts`. `ACCOUNT` is somebody
// else's number, to be paid. Exit 0: the bank did what the types say.

import createClient from "openapi-fetch";

import type { components, paths } from "./bank.js";

type Tokens = components["schemas"]["Tokens"];
type Problem = components["schemas"]["Problem"];

declare const process: { argv: string[] };

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

function given<T>(answer: { data?: T; error?: Problem }): T {
  if (answer.data === undefined) throw new Error(`${answer.error?.code}: ${answer.error?.detail}`);
  return answer.data;
}

const fresh = () => ({ "Idempotency-Key": crypto.randomUUID() });

const [url, email, password, payee] = process.argv.slice(2);
must(!!url && !!email && !!password && !!payee, "use.js URL EMAIL PASSWORD ACCOUNT");
const anybody = createClient<paths>({ baseUrl: url });

async function signIn(body: { email: string; password: string }): Promise<Tokens> {
  const answer = given(await anybody.POST("/v1/auth/login", { body }));
  // The two kinds of answer are told apart by their status, which the compiler knows.
  if (answer.status === "mfa_required") throw new Error(`a factor is wanted: ${answer.challenge.methods}`);
  return answer;
}

const as = (tokens: Tokens) =>
  createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${tokens.access_token}` } });

const noorSays = { email: `${crypto.randomUUID()}@example.com`, password: `quiet herons ${crypto.randomUUID()}` };
const registered = given(
  await anybody.POST("/v1/customers", {
    params: { header: fresh() },
    body: { ...noorSays, full_name: "Noor Haddad" },
  }),
);
must(registered.email === noorSays.email, "the address is the one that was sent");
const noor = as(await signIn(noorSays));

const own = [];
for (const name of ["Everyday", "Savings"]) {
  own.push(given(await noor.POST("/v1/accounts", { params: { header: fresh() }, body: { currency: "INR", name } })));
}
const [everyday] = own;
must(everyday !== undefined && everyday.balance.posted === 0, "an account begins empty");

const poor = await noor.POST("/v1/transfers", {
  params: { header: fresh() },
  body: { from: everyday.id, to: payee, amount: 100, currency: "INR" },
});
must(poor.error?.code === "insufficient_funds" && poor.error.status === 422, `refused: ${poor.error?.code}`);

const asha = as(await signIn({ email, password }));
const source = given(await asha.GET("/v1/accounts", {})).data[0];
must(source !== undefined, "the demo's customer has an account");
const header = fresh();
const body = { from: source.id, to: everyday.number, amount: 815, currency: "INR" } as const;
const send = async () => {
  const answer = await asha.POST("/v1/transfers", { params: { header }, body, parseAs: "text" });
  return { bytes: answer.data, replayed: answer.response.headers.get("Idempotent-Replayed") };
};
const [first, again] = [await send(), await send()];
must(first.bytes !== undefined && first.bytes === again.bytes, "a repeated key gets the same bytes");
must(first.replayed === null && again.replayed === "true", "and says so");

const path = { id: everyday.id };
const entries = given(await noor.GET("/v1/accounts/{id}/entries", { params: { path, query: { limit: 1 } } }));
must(entries.data.length === 1 && entries.data[0]?.amount === 815, "the entry is there");

const wrong = await noor.GET("/v1/accounts/{id}/entries", { params: { path, query: { limit: 101 } } });
must(wrong.error?.fields?.[0]?.field === "limit", "a fault names its field");
console.log("the TypeScript client works");
