// A demo bank as a process: started in a new folder on a free port, asked as a client would, stopped by its id.

import { spawn } from "node:child_process";
import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto";
import { createWriteStream, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { codeAt, stepOf, STEP_MS } from "./totp.js";

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 30_000;
const VERIFY_LIMIT_MS = 120_000;
// Somebody else may take a free port between the look and the start.
const PORT_TRIES = 3;

export class Bank {
  // `settings`: the bank's own, by their names in the reference.
  static async start(options) {
    let complaint;
    for (let round = 0; round < PORT_TRIES; round += 1) {
      const bank = new Bank(options, await freePort(), round);
      try {
        await bank.#greet();
        return bank;
      } catch (error) {
        complaint = error;
        await bank.stop();
      }
    }
    throw complaint;
  }

  constructor({ binary, banks, name, settings }, port, round) {
    const folder = join(banks, `${name}-${round}`);
    mkdirSync(folder, { recursive: true });
    this.binary = binary;
    this.folder = folder;
    this.data = join(folder, "bank");
    this.port = port;
    // Passkeys are made for a name, and this machine's is localhost.
    this.url = `http://localhost:${port}`;
    this.usedSteps = new Map();
    const wanted = { rate_limits: "off", session_max: "20", http_public_url: this.url, ...settings };
    const own = Object.entries(wanted).map(([key, value]) => [`EXCHEQUER_${key.toUpperCase()}`, String(value)]);
    this.environment = { PATH: process.env.PATH, ...Object.fromEntries(own) };
    const words = ["demo", "--data", this.data, "--listen", `127.0.0.1:${port}`, "--json"];
    this.process = spawn(binary, words, this.#surroundings(["ignore", "pipe", "pipe"]));
    this.ended = new Promise((resolve) => {
      this.process.once("exit", (code, signal) => resolve({ code, signal }));
      this.process.once("error", (error) => resolve({ code: error.message }));
    });
    this.process.stderr.pipe(createWriteStream(join(folder, "log")));
  }

  #surroundings(stdio) {
    return { cwd: this.folder, env: this.environment, stdio };
  }

  // Reads who lives in it, up to the line that says it listens.
  async #greet() {
    const lines = createInterface({ input: this.process.stdout });
    const heard = new Promise((resolve, reject) => {
      let text = "";
      lines.on("line", (line) => {
        if (line.startsWith("listening on ")) resolve(JSON.parse(text));
        else text += line;
      });
      this.ended.then(({ code }) => reject(new Error(`the bank ended at once (${code})`)));
      setTimeout(() => reject(new Error("the bank does not listen in time")), START_LIMIT_MS).unref();
    });
    const { customers, staff, merchants, test_cards: cards } = await heard;
    Object.assign(this, { customers, staff, merchants, cards });
  }

  customer(name) {
    return this.customers.find(({ email }) => email.startsWith(`${name}@`));
  }

  operator(name) {
    return this.staff.find(({ email }) => email.startsWith(`${name}@`));
  }

  // A code that was not used yet. The bank takes the steps beside its own too, each once; who is ahead by more waits
  // for the clock.
  async code(secret) {
    const now = Date.now();
    const early = now % STEP_MS < STEP_MS * 0.6 ? 1 : 0;
    const step = Math.max((this.usedSteps.get(secret) ?? 0) + 1, stepOf(now) - early);
    this.usedSteps.set(secret, step);
    const opens = (step - 1) * STEP_MS;
    if (opens > now) await new Promise((resolve) => setTimeout(resolve, opens - now));
    return codeAt(secret, step);
  }

  async ask(method, path, { token, body, key, headers = {} } = {}) {
    const said = { ...headers };
    if (token) said.authorization = `Bearer ${token}`;
    if (body) said["content-type"] = "application/json";
    if (method === "POST") said["idempotency-key"] = key ?? randomUUID();
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: said,
      body: body && JSON.stringify(body),
      redirect: "manual",
    });
    const text = await answer.text();
    const isJson = (answer.headers.get("content-type") ?? "").includes("json");
    return { status: answer.status, headers: answer.headers, text, json: isJson ? JSON.parse(text) : undefined };
  }

  async must(method, path, options) {
    const answer = await this.ask(method, path, options);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  // An access token for somebody of the introduction.
  async token(person, door = "/v1/auth/login") {
    const { email, password } = person;
    const answer = await this.must("POST", door, { body: { email, password } });
    if (answer.access_token) return answer.access_token;
    const code = await this.code(person.totp_secret);
    const path = `/v1/auth/challenges/${answer.challenge.id}/verify`;
    return (await this.must("POST", path, { body: { method: "totp", code } })).access_token;
  }

  // As the demo's shop, whose requests are signed.
  async signed(method, path, body) {
    const [{ key_id: id, secret }] = this.merchants;
    const [at, nonce] = [String(Math.floor(Date.now() / 1000)), randomBytes(16).toString("hex")];
    const hash = createHash("sha256").update(JSON.stringify(body)).digest("hex");
    const text = [method, path, at, nonce, hash].join("\n");
    const signature = createHmac("sha256", secret).update(text).digest("hex");
    const headers = { authorization: `Exchequer ${id}`, "x-timestamp": at, "x-nonce": nonce, "x-signature": signature };
    return this.must(method, path, { headers, body });
  }

  // A payment in minor units of rupees by a test card, of the outcome that it stands for.
  async charge(outcome, amount) {
    const number = this.cards[outcome];
    const card = await this.signed("POST", "/v1/cards", { number, exp_month: 12, exp_year: 2035 });
    return this.signed("POST", "/v1/payments", { amount, currency: "INR", card: card.id, capture: "automatic" });
  }

  // Posted minor units of an account of the demo's customers, as an operator sees them.
  async posted(account) {
    this.tellerToken ??= this.token(this.operator("teller"), "/v1/staff/login");
    const token = await this.tellerToken;
    return (await this.must("GET", `/v1/staff/accounts/${account}`, { token })).balance.posted;
  }

  // Cash of the teller, in minor units.
  async deposit(account, amount, currency = "INR") {
    await this.posted(account);
    const body = { account, amount, currency, reference: "Cash" };
    return this.must("POST", "/v1/staff/deposits", { token: await this.tellerToken, body });
  }

  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.ended;
    this.process.kill("SIGTERM");
    const hard = setTimeout(() => this.process.kill("SIGKILL"), STOP_LIMIT_MS);
    const { code, signal } = await this.ended;
    clearTimeout(hard);
    if (code !== 0) throw new Error(`the bank ended with ${code ?? signal}`);
    return { code };
  }

  async verify() {
    const child = spawn(this.binary, ["verify", "--data", this.data], this.#surroundings(["ignore", "pipe", "pipe"]));
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (said += part));
    const hard = setTimeout(() => child.kill("SIGKILL"), VERIFY_LIMIT_MS);
    const code = await new Promise((resolve) => child.once("exit", resolve));
    clearTimeout(hard);
    if (code !== 0) throw new Error(`exchequer verify ended with ${code}: ${said}`);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
