// Every page that somebody sees who is not signed in.

import assert from "node:assert/strict";

import { crawl } from "../crawl.js";

export const seconds = 30;

export const tests = {
  "each page is accessible, still, small and within its policy": async (stage) => {
    const page = await stage.open();
    const from = ["/sign-in", "/sign-up", "/forgot", "/console", "/no-such-page", "/demo/inbox"];
    const { seen, complaints } = await crawl(stage, page, { from, named: "anybody" });
    console.log(`pages of nobody: ${seen.length}`);
    const unknown = "/no-such-page: status 404";
    assert.deepEqual(complaints.filter((text) => text !== unknown), []);
    assert.ok(complaints.includes(unknown), "a page that is not there says so");
    assert.ok(seen.length >= 4, `only ${seen.map(({ path }) => path)}`);
  },
};
