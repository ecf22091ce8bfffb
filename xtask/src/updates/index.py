"""What the index of crates.io says of some crates: every version, and what the ones in use ask of others.

Reads {"crates": [[name, version], ...]} and writes {name: {"versions": [...], "asks": {version: [[crate, requirement]]}}}.
Ends with 3 where the index, after some tries, does not answer for each of them. Bound: LIMIT seconds.
"""

import concurrent.futures
import http.client
import json
import signal
import sys
import time
import urllib.error
import urllib.request

INDEX = "https://index.crates.io/"
LIMIT = 180
TRIES = 3


def place(name):
    """https://doc.rust-lang.org/cargo/reference/registry-index.html#index-files"""
    name = name.lower()
    if len(name) < 3:
        return f"{len(name)}/{name}"
    if len(name) == 3:
        return f"3/{name[0]}/{name}"
    return f"{name[:2]}/{name[2:4]}/{name}"


def entries(name):
    for left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(INDEX + place(name), timeout=20) as answer:
                return [json.loads(line) for line in answer.read().splitlines() if line]
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code in (404, 410, 451):
                return []
            if not left:
                raise
            time.sleep(2 ** (TRIES - left))


def told(name, used):
    versions, asks = [], {}
    for entry in entries(name):
        versions.append({key: entry.get(key) for key in ("vers", "cksum", "yanked", "pubtime", "rust_version")})
        if entry["vers"] in used:
            asks[entry["vers"]] = [
                [need.get("package") or need["name"], need["req"]]
                for need in entry["deps"]
                if need["kind"] != "dev"
            ]
    return {"versions": versions, "asks": asks}


def main():
    signal.alarm(LIMIT)
    used = {}
    for name, version in json.load(sys.stdin)["crates"]:
        used.setdefault(name, set()).add(version)
    try:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = dict(pool.map(lambda name: (name, told(name, used[name])), sorted(used)))
    except (OSError, http.client.HTTPException) as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    json.dump(answers, sys.stdout)


main()
