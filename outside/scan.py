"""sqlmap on the API's parameters, wapiti on the pages; neither may find anything.

Cost: some forty minutes, most of them for the pages. Bound: each run has its limit; one that is cut off has failed, since it has said nothing.
sqlmap is shown every place of a request that it can change: path, query, body and the idempotency key.
"""

import json
import subprocess
import uuid
from pathlib import Path

import requests

from callers import WAIT_SECONDS, code, said, sign_in

SQLMAP_SECONDS = 290
WAPITI_SECONDS = 1_200
CRAWL_SECONDS = 60
# What changes who the scanner is: after it each form would be refused for its caller, with the right token and with a
# wrong one alike, and the scanner would take that for a token that nobody checks.
ENDS = ["sign-in*", "sign-out*", "register*", "language*", "security/sessions*", "security/password*"]
ENDS += ["access*", "members/*", "system/sign-out*"]
# Of the scanner, so that its session does not move from one program to another.
AGENT = "Mozilla/5.0 (Windows NT 6.1; rv:45.0) Gecko/20100101 Firefox/45.0"
MODULES = "backup,crlf,csrf,exec,file,htaccess,ldap,methods,permanentxss,redirect,sql,ssrf,timesql,upload,xss,xxe"


def run(bank, output: Path, programs: Path, report) -> None:
    for name, caller, words in targets(bank):
        # A token serves for five minutes: each run has its own.
        given = [*words, *(bearer(sign_in(bank.url, caller)) if caller else [])]
        log = output / f"sqlmap-{name}.log"
        report.say(f"sqlmap, {name}", sqlmap(given, programs, log, output / "sqlmap"))
    for name, where, cookie in pages(bank):
        log = output / f"wapiti-{name.replace(' ', '-')}.json"
        report.say(f"wapiti, {name}", wapiti(where, cookie, programs, log))


def targets(bank) -> list[tuple[str, dict | None, list[str]]]:
    """Names, who calls, and what sqlmap is given; `*` marks a place that is no parameter by itself."""
    person = bank.people["customers"][0]
    account = person_account(bank.url, person)
    staff = {one["role"]: one for one in bank.people["staff"]}
    url = bank.url
    transfer = {"from": account, "to": account, "amount": 1, "currency": "INR", "memo": "rent"}
    entries = f"{url}/v1/accounts/{account}/entries?query=rent&direction=in&from=2026-01-01"
    events = f"{url}/v1/staff/events?action=account.&resource=x&outcome=done&actor=customer"
    key = ["--header", f"Idempotency-Key: {uuid.uuid4()}*"]
    return [
        ("sign-in", None, ["-u", f"{url}/v1/auth/login", *body({"email": "a@example.com", "password": "x"})]),
        ("entries", person, ["-u", entries]),
        ("account", person, ["-u", f"{url}/v1/accounts/{account}*"]),
        ("cursor", person, ["-u", f"{url}/v1/accounts?cursor={account}"]),
        ("payee", person, ["-u", f"{url}/v1/payees/check", *body({"account": account, "name": "Bela Iyer"})]),
        ("key", person, ["-u", f"{url}/v1/transfers", *body(transfer), *key]),
        ("customers", staff["support"], ["-u", f"{url}/v1/staff/customers?query=asha"]),
        ("events", staff["auditor"], ["-u", events]),
    ]


def body(value: dict) -> list[str]:
    return ["--method", "POST", "--data", json.dumps(value), "--header", "Content-Type: application/json"]


def person_account(url: str, person: dict) -> str:
    headers = {"Authorization": f"Bearer {sign_in(url, person)['access_token']}"}
    return requests.get(f"{url}/v1/accounts", headers=headers, timeout=WAIT_SECONDS).json()["data"][0]["id"]


def bearer(tokens: dict) -> list[str]:
    return ["--header", f"Authorization: Bearer {tokens['access_token']}"]


def sqlmap(words: list[str], programs: Path, log: Path, folder: Path) -> str | None:
    """What it found, or why it said nothing."""
    merged = merge_headers(words)
    fixed = ["--batch", "--level", "2", "--risk", "2", "--dbms", "SQLite", "--flush-session", "--disable-coloring", "--threads", "4"]
    fixed += ["--ignore-code", "*", "--output-dir", str(folder), "--technique", "BEUS"]
    text = spoken([str(programs / "sqlmap"), *merged, *fixed], log, SQLMAP_SECONDS)
    if text is None:
        return f"not done after {SQLMAP_SECONDS} s; {log}"
    lines = text.splitlines()
    # What it suspects on the way it tries again: ids of requests differ, which looks like an answer that differs.
    found = [line for line in lines if line.startswith("Parameter: ") or "following injection point" in line]
    if found:
        return "\n".join(found)
    tried = any("do not appear to be injectable" in line for line in lines)
    return None if tried else f"sqlmap says neither yes nor no; {log}\n" + "\n".join(lines[-15:])


def merge_headers(words: list[str]) -> list[str]:
    """sqlmap takes one `--headers` for all of them."""
    headers = [words[i + 1] for i, word in enumerate(words) if word == "--header"]
    rest = [word for i, word in enumerate(words) if word != "--header" and (i == 0 or words[i - 1] != "--header")]
    return [*rest, "--headers", "\n".join(headers)] if headers else rest


def pages(bank) -> list[tuple[str, str, str]]:
    """Name, where it begins, and the cookie of who is signed in."""
    person = bank.people["customers"][0]
    admin = next(one for one in bank.people["staff"] if one["role"] == "admin")
    return [
        ("web bank", f"{bank.url}/", cookie(bank.url, person)),
        ("console", f"{bank.url}/console", cookie(bank.url, admin)),
    ]


def cookie(url: str, person: dict) -> str:
    """Signs a browser in; a customer without a factor in one step, an operator in two."""
    headers = {"Origin": url, "Sec-Fetch-Site": "same-origin", "User-Agent": AGENT}
    path = "/v1/staff/login" if "role" in person else "/v1/web/session"
    body = {"email": person["email"], "password": person["password"]}
    reply = requests.post(url + path, json=body, headers=headers, timeout=WAIT_SECONDS)
    if said(reply)["status"] == "mfa_required":
        path = f"{url}/v1/web/session/challenges/{reply.json()['challenge']['id']}/verify"
        body = {"method": "totp", "code": code(person)}
        reply = requests.post(path, json=body, headers=headers, timeout=WAIT_SECONDS)
        said(reply)
    return "; ".join(f"{one.name}={one.value}" for one in reply.cookies)


def wapiti(where: str, cookies: str, programs: Path, log: Path) -> str | None:
    log.unlink(missing_ok=True)
    words = [str(programs / "wapiti"), "-u", where, "--scope", "folder", "-C", cookies, "-f", "json", "-o", str(log)]
    words += ["-m", MODULES, "--level", "1", "--no-bugreport", "--flush-session", "--max-scan-time", str(CRAWL_SECONDS)]
    words += ["--max-attack-time", "60", "--user-agent", AGENT, "--store-session", str(log.parent / "wapiti")]
    words += [word for end in ENDS for word in ("-x", f"{where.rstrip('/')}/{end}")]
    text = spoken(words, log.with_suffix(".log"), WAPITI_SECONDS)
    if text is None or not log.exists():
        return f"no report after {WAPITI_SECONDS} s; {log.with_suffix('.log')}"
    told = json.loads(log.read_text(encoding="utf-8"))
    found = [f"{kind}: {one['info']} {one['path']}" for kind, all_ in told["vulnerabilities"].items() for one in all_]
    found += [f"{kind}: {one['info']} {one['path']}" for kind, all_ in told["anomalies"].items() for one in all_]
    if told["infos"].get("crawled_pages_nbr", 0) < 5:
        found.append(f"{told['infos'].get('crawled_pages_nbr')} pages are not the bank")
    return "\n".join(found) or None


def spoken(words: list[str], log: Path, seconds: int) -> str | None:
    """Its output, which is kept; `None` where it was cut off."""
    with open(log, "w", encoding="utf-8") as file:
        try:
            subprocess.run(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return None
    return log.read_text(encoding="utf-8", errors="replace")
