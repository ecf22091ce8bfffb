"""The rule set's own regression collection as requests, for the test beside this file (collection.rs).

    python3 collection.py FOLDER HOST

FOLDER is a checkout of the OWASP Core Rule Set. For each stage of its tests one line of JSON: the stage's name, its request in
hexadecimal, and the rules that it is to trigger, each with its file, paranoia level and severity. Requests are made as the collection's own
runner makes them; only that the host is HOST where the collection has its own, since a proxy speaks for its own name alone.
Wants PyYAML (Debian: python3-yaml).
"""

import base64
import json
import re
import sys
from pathlib import Path
from urllib.parse import quote_plus

import yaml

FORM = "application/x-www-form-urlencoded"
OWN_HOST = "localhost"


def rules_of(folder: Path) -> dict:
    """Each rule's file, paranoia level and severity, as its text has them."""
    found = {}
    for path in sorted(folder.glob("*.conf")):
        parts = re.split(r"\bid:'?(\d+)", path.read_text(encoding="utf-8"))
        for number, text in zip(parts[1::2], parts[2::2]):
            level = re.search(r"paranoia-level/(\d)", text)
            severity = re.search(r"severity:'(\w+)'", text)
            found[int(number)] = {
                "id": int(number),
                "file": path.name,
                "level": int(level.group(1)) if level else 0,
                "severity": severity.group(1) if severity else "",
            }
    return found


def form_encoded(data: str) -> str:
    """Names and values one by one, unless somebody has encoded them already."""
    if "%" in data or "+" in data:
        return data
    pairs = [pair.split("=", 1) for pair in data.split("&")]
    return "&".join("=".join(quote_plus(part) for part in pair) for pair in pairs)


def request(stage: dict, host: str) -> bytes:
    """The bytes of a stage."""
    if "encoded_request" in stage:
        raw = base64.b64decode(stage["encoded_request"])
        return raw.replace(b"Host: " + OWN_HOST.encode() + b"\r\n", b"Host: " + host.encode() + b"\r\n")
    method = stage.get("method", "GET")
    headers = [(str(name), str(value)) for name, value in (stage.get("headers") or {}).items()]
    data = stage.get("data") or ""
    values = {name.lower(): value for name, value in headers}
    completes = stage.get("autocomplete_headers", True)
    if data and completes:
        if "content-type" not in values:
            headers.append(("Content-Type", FORM))
            values["content-type"] = FORM
        if values["content-type"] == FORM:
            data = form_encoded(data)
    if values.get("content-type", "").startswith("multipart/form-data;"):
        data = data.replace("\n", "\r\n")
    body = data.encode()
    if completes and "connection" not in values:
        headers.append(("Connection", "close"))
    if completes and (body or re.search("^POST|PUT|PATCH|DELETE$", method)) and "content-length" not in values:
        headers.append(("Content-Length", str(len(body))))
    lines = [f"{method} {stage.get('uri', '/')} {stage.get('version', 'HTTP/1.1')}"]
    for name, value in headers:
        own = name.lower() == "host" and value == OWN_HOST
        lines.append(f"{name}: {host if own else value}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def main() -> None:
    """One line for each stage, in the order of the files."""
    folder, host = Path(sys.argv[1]), sys.argv[2]
    rules = rules_of(folder / "rules")
    for path in sorted((folder / "tests/regression/tests").rglob("*.yaml")):
        tests = yaml.safe_load(path.read_text(encoding="utf-8"))
        for test in (tests or {}).get("tests", []):
            for number, stage in enumerate(test["stages"]):
                log = (stage.get("output") or {}).get("log") or {}
                expected = [rules[rule] for rule in log.get("expect_ids", []) if rule in rules]
                line = {
                    "name": f"{path.stem}-{test['test_id']}.{number}",
                    "request": request(stage["input"], host).hex(),
                    "rules": expected,
                    "is_honest": "no_expect_ids" in log and not expected,
                }
                print(json.dumps(line))


if __name__ == "__main__":
    main()
