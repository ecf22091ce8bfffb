// A score by the published table of MDN's HTTP Observatory: 100 points, taken off and added for each of ten tests.
//
// Points above 100 are given only to who has 90 without them. A+ is 100 and more. The words are the table's; the
// judgement of each header is ours, from the same specifications, and a header that we do not know gets the worst.

const GRADES = [[100, "A+"], [90, "A"], [85, "A-"], [80, "B+"], [70, "B"], [65, "B-"], [60, "C+"], [50, "C"]];
const SIX_MONTHS_SECONDS = 15_768_000;
const BROAD = ["*", "http:", "https:", "ftp:", "http://*", "https://*", "http://*.*", "https://*.*"];
const PRIVATE_REFERRERS = ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"];

// `headers` of a page that came by https, the cookies that were set on the way to it, and its text.
export function score(headers, cookies, html) {
  const policy = parse(headers.get("content-security-policy"));
  const results = {
    "content-security-policy": contentSecurity(policy),
    cookies: cookieFlags(cookies),
    "cross-origin-resource-sharing": sharing(headers),
    redirection: 0,
    "referrer-policy": referrer(headers.get("referrer-policy")),
    "strict-transport-security": transport(headers.get("strict-transport-security")),
    "subresource-integrity": integrity(html),
    "x-content-type-options": headers.get("x-content-type-options")?.toLowerCase() === "nosniff" ? 0 : -5,
    "x-frame-options": frames(policy, headers.get("x-frame-options")),
    "cross-origin-resource-policy": resourcePolicy(headers.get("cross-origin-resource-policy")),
  };
  const values = Object.values(results);
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  const plain = Math.max(0, 100 + sum(values.filter((value) => value < 0)));
  const points = plain >= 90 ? plain + sum(values.filter((value) => value > 0)) : plain;
  const grade = GRADES.find(([least]) => points >= least)?.[1] ?? "below C";
  const parts = Object.entries(results).map(([name, value]) => `${name} ${value > 0 ? "+" : ""}${value}`);
  return { points, grade, parts };
}

function parse(header) {
  if (!header || header.includes(",")) return undefined;
  const policy = new Map();
  for (const directive of header.split(";")) {
    const [name, ...sources] = directive.trim().split(/\s+/);
    if (name && !policy.has(name.toLowerCase())) policy.set(name.toLowerCase(), sources);
  }
  return policy;
}

function contentSecurity(policy) {
  if (!policy) return -25;
  const of = (name) => policy.get(name) ?? policy.get("default-src") ?? ["*"];
  const has = (sources, list) => sources.some((source) => list.includes(source));
  const scripts = of("script-src");
  if (has(scripts, [...BROAD, "'unsafe-inline'", "data:"]) || has(of("object-src"), BROAD)) return -20;
  const insecure = (sources) => sources.some((source) => /^(http|ftp):/.test(source));
  const passive = ["img-src", "media-src"];
  if ([...policy].some(([name, sources]) => !passive.includes(name) && insecure(sources))) return -20;
  if (has([...scripts, ...of("style-src")], ["'unsafe-eval'"])) return -10;
  if (passive.some((name) => insecure(of(name)))) return -10;
  if (has(of("style-src"), [...BROAD, "'unsafe-inline'", "data:"])) return 0;
  const forms = policy.get("form-action") ?? ["*"];
  const isClosed = policy.get("default-src")?.join() === "'none'" && ["'self'", "'none'"].includes(forms.join());
  return isClosed ? 10 : 5;
}

// Ours are all taken for session cookies.
function cookieFlags(cookies) {
  if (cookies.length === 0) return 0;
  const all = (flag) => cookies.every((cookie) => flag.test(cookie));
  if (!all(/;\s*secure/i)) return -40;
  if (!all(/;\s*httponly/i)) return -30;
  return all(/;\s*samesite=(strict|lax)/i) ? 5 : 0;
}

function sharing(headers) {
  return headers.get("access-control-allow-credentials") === "true" ? -50 : 0;
}

function referrer(value) {
  if (!value) return 0;
  return PRIVATE_REFERRERS.includes(value.split(",").at(-1).trim()) ? 5 : -5;
}

function transport(value) {
  const seconds = /max-age=(\d+)/i.exec(value ?? "")?.[1];
  if (!seconds) return -20;
  return Number(seconds) >= SIX_MONTHS_SECONDS ? 0 : -10;
}

// Our scripts come from our own origin alone.
function integrity(html) {
  const scripts = [...html.matchAll(/<script[^>]*\ssrc="([^"]*)"[^>]*>/gi)];
  if (scripts.some(([, source]) => !/^\/(?!\/)/.test(source))) return -50;
  return scripts.length > 0 && scripts.every(([tag]) => tag.includes("integrity=")) ? 5 : 0;
}

function frames(policy, header) {
  const ancestors = policy?.get("frame-ancestors");
  if (ancestors && !ancestors.some((source) => BROAD.includes(source))) return 5;
  return ["deny", "sameorigin"].includes(header?.toLowerCase()) ? 0 : -20;
}

function resourcePolicy(value) {
  if (!value || value === "cross-origin") return 0;
  return ["same-origin", "same-site"].includes(value) ? 10 : -5;
}
