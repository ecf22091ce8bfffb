"""What the index of crates.io says of some crates: every version, and what the ones in use ask of others.

Reads {"crates": [[name, version], ...]} and writes {name: {"versions": [...], "asks": {version: [[crate, requirement]]}}}.
Ends with 3 where the index cannot be reached at all. Bound: LIMIT seconds.
"""

import concurrent.futures
import json
import signal
import sys
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
        except urllib.error.HTTPError:
            raise
        except OSError:
            if not left:
                raise


def told(name, used):
    versions, asks = [], {}
    for entry in entries(name):
        versions.append({key: entry.get(key) for key in ("vers", "cksum", "yanked", "pubtime")})
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
        entries("libc")
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda name: (name, told(name, used[name])), sorted(used))
        json.dump(dict(answers), sys.stdout)


main()
