// The checks of MDN's HTTP Observatory, as its scoring table publishes them, on a bank whose address is https.
//
// What a bank without its proxy cannot show is taken as it is when the proxy does its work: plain HTTP is not served
// (redirection 0). No credit is taken for a preloaded domain.

import assert from "node:assert/strict";

import { score } from "../observatory.js";

export const settings = { http_public_url: "https://bank.example" };

// One answer of each kind: a page for anybody, one for a customer, a page that is not there.
async function answers(bank) {
  const html = { headers: { accept: "text/html" } };
  const first = await bank.ask("GET", "/sign-in", html);
  const cookies = cookiesOf(first);
  const token = /name="csrf_token" value="([^"]+)"/.exec(first.text)[1];
  const { email, password } = bank.customer("asha");
  const signedIn = await fetch(`http://127.0.0.1:${bank.port}/sign-in`, {
    method: "POST",
    redirect: "manual",
    headers: { cookie: brought(cookies) },
    body: new URLSearchParams({ csrf_token: token, email, password, next: "/" }),
  });
  assert.equal(signedIn.status, 303);
  const all = [...cookies, ...cookiesOf(signedIn)];
  const own = await bank.ask("GET", "/", { headers: { accept: "text/html", cookie: brought(all) } });
  assert.equal(own.status, 200);
  const missing = await bank.ask("GET", "/no-such-page", html);
  return [
    ["/sign-in", first, cookies],
    ["/", own, all],
    ["/no-such-page", missing, cookiesOf(missing)],
  ];
}

const cookiesOf = (answer) => answer.headers.getSetCookie();
const brought = (cookies) => cookies.map((cookie) => cookie.split(";")[0]).join("; ");

export const tests = {
  "each kind of page has the grade A+": async (stage) => {
    for (const [path, answer, cookies] of await answers(stage.bank)) {
      const { points, grade, parts } = score(answer.headers, cookies, answer.text);
      console.log(`observatory ${path}: ${points} points, ${grade} (${parts.join(", ")})`);
      assert.equal(grade, "A+", path);
    }
  },
  // ASVS 3.3.1, 3.3.2, 3.3.3, 3.3.4: each cookie is Secure, HttpOnly, of this host and of this site.
  "cookies are for this host, for no script and for no other site": async (stage) => {
    const [, [, , cookies]] = await answers(stage.bank);
    assert.ok(cookies.length >= 2, "the session's cookie and the visit's");
    for (const cookie of cookies) {
      assert.match(cookie, /^__Host-/);
      for (const part of [/; ?Secure/i, /; ?HttpOnly/i, /; ?SameSite=(Strict|Lax)/i, /; ?Path=\/(;|$)/i]) {
        assert.match(cookie, part);
      }
      assert.doesNotMatch(cookie, /; ?Domain=/i);
    }
  },
};
