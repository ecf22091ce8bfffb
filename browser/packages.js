// The two packages, from the folder that `npm ci` filled: this folder's own, or the one for what is built.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

export function packages(folder) {
  const require = createRequire(join(folder, "package.json"));
  const { chromium } = require("playwright-core");
  return { chromium, axe: readFileSync(require.resolve("axe-core/axe.min.js"), "utf8") };
}
