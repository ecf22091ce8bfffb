// Runs the scenarios, two at a time, each against a demo bank of its own, and prints what libtest would.
//
// node run.js --binary PATH --chromium PATH --banks FOLDER --output FOLDER [--only NAME]
// `--output` holds `node_modules` and gets the screenshots. Exit 0: everything passed.

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { Bank } from "./bank.js";
import { packages } from "./packages.js";
import { Stage } from "./stage.js";

const { values: given } = parseArgs({
  options: Object.fromEntries(
    ["binary", "chromium", "banks", "output", "only"].map((name) => [name, { type: "string" }]),
  ),
});

// Two cores: a browser, a bank and this program are busy already with two.
const AT_A_TIME = 2;
// Nothing that a person does takes this long; a machine that compiles besides may.
const TEST_LIMIT_MS = 240_000;

const { chromium, axe } = packages(given.output);
const folder = join(fileURLToPath(new URL(".", import.meta.url)), "scenarios");
const banks = new Set();
const failures = [];
let passed = 0;

// Whatever ends this program ends the banks that it started.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    await Promise.all([...banks].map((bank) => bank.stop()));
    process.exit(1);
  });
}

function within(limit, what, promise) {
  let timer;
  const over = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not done after ${limit / 1000} s`)), limit);
  });
  return Promise.race([promise, over]).finally(() => clearTimeout(timer));
}

async function report(name, act) {
  const start = performance.now();
  try {
    await act();
    passed += 1;
    console.log(`test ${name} ... ok (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failures.push({ name, error });
    console.log(`test ${name} ... FAILED`);
  }
}

async function play(file, browser) {
  const scenario = file.replace(/\.js$/, "");
  const { settings = {}, tests } = await import(pathToFileURL(join(folder, file)));
  let bank;
  try {
    bank = await Bank.start({ ...given, name: scenario, settings });
  } catch (error) {
    failures.push({ name: scenario, error });
    console.log(`test ${scenario} ... FAILED`);
    return;
  }
  banks.add(bank);
  for (const [name, test] of Object.entries(tests)) {
    await report(`${scenario}: ${name}`, async () => {
      const stage = new Stage({ bank, browser, axe, pictures: given.output, name: scenario, isAlone: Boolean(given.only) });
      try {
        await within(TEST_LIMIT_MS, name, test(stage));
        stage.mustBeQuiet();
      } catch (error) {
        await stage.pictureOfFailure(name);
        throw error;
      } finally {
        await stage.close();
      }
    });
  }
  await report(`${scenario}: the bank stops and its books verify`, async () => {
    await bank.stop();
    await bank.verify();
  });
  banks.delete(bank);
}

// What a run leaves is of that run.
function forgetPictures(files) {
  const names = files.map((file) => file.replace(/\.js$/, ""));
  for (const file of readdirSync(given.output).filter((one) => /\.(png|pdf)$/.test(one))) {
    if (names.some((name) => file.replace(/^FAILED-/, "").startsWith(`${name}-`))) rmSync(join(given.output, file));
  }
}

async function main() {
  mkdirSync(given.banks, { recursive: true });
  const files = readdirSync(folder).filter((file) => file.endsWith(".js")).sort();
  const chosen = files.filter((file) => !given.only || file === `${given.only}.js`);
  if (chosen.length === 0) throw new Error(`no scenario ${given.only}; there are ${files.join(", ")}`);
  forgetPictures(chosen);
  // Its profile is temporary, and the pages are the bank's own: the sandbox cannot be had by root.
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP localhost 127.0.0.1"];
  const browser = await chromium.launch({ executablePath: given.chromium, args });
  // Scenarios that take longest begin first, so that none is waited for alone.
  const size = async (file) => (await import(pathToFileURL(join(folder, file)))).seconds ?? 0;
  const weighed = await Promise.all(chosen.map(async (file) => ({ file, size: await size(file) })));
  const queue = weighed.sort((a, b) => b.size - a.size).map(({ file }) => file);
  const lane = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) await play(file, browser);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  await browser.close();
}

const start = performance.now();
await main();
if (failures.length > 0) console.log("\nfailures:");
for (const { name, error } of failures) {
  console.log(`\n---- ${name} stdout ----\n${error.stack ?? error}`);
}
const took = ((performance.now() - start) / 1000).toFixed(2);
const verdict = failures.length === 0 ? "ok" : "FAILED";
console.log(
  `\ntest result: ${verdict}. ${passed} passed; ${failures.length} failed; 0 ignored; 0 measured; ` +
    `0 filtered out; finished in ${took}s`,
);
process.exit(failures.length === 0 ? 0 : 1);
