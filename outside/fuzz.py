"""Runs schemathesis against a demo bank as every kind of caller.

Each caller has the operations that it may call, anonymous has all of them; cases are shared out by operations. Those that
end the caller's own access come last, in a run of their own. Callers who cannot be in each other's way run at one time, since
some wait for the next code. What a run says is in `OUTPUT/CALLER.log`. Bound: the time for all callers
together; what is over time has failed.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import requests

from callers import sign_in

HERE = Path(__file__).resolve().parent
PHASES = "examples,coverage,fuzzing,stateful"
LAST = {"logOut", "endSessions", "endWebSession", "logOutStaff", "signOutEverybody"}
# Of each of those: all but the first find nobody signed in.
LAST_CASES = 10
LEAST_SECONDS = 20.0
# Of a log that is shown at the terminal.
MOST_LINES = 60


@dataclass
class Share:
    """What one caller calls, and what came of it."""

    caller: str
    operations: list[str]
    tally: dict = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    took: float = 0.0

    @property
    def title(self) -> str:
        return self.caller.replace(":", " ")

    @property
    def cases(self) -> int:
        return self.tally.get("cases", 0)

    def answers(self, first: str) -> int:
        return sum(count for status, count in self.tally.items() if status.startswith(first))


def run(bank, given, report) -> None:
    for old in given.output.glob("*.log"):
        old.unlink()
    every = shares(bank)
    kinds = lambda share: ("", "fuzz", share.caller, share.caller.partition(":")[0])
    chosen = [share for share in every if given.only in kinds(share)]
    if not chosen:
        raise SystemExit(f"no caller `{given.only}`; there are {', '.join(share.caller for share in every)}")
    most = max(1, given.cases // sum(len(share.operations) for share in chosen))
    deadline = time.monotonic() + given.seconds
    for together in stages(chosen):
        with ThreadPoolExecutor(len(together)) as threads:
            for share in threads.map(partial(play_all, bank=bank, given=given, most=most, deadline=deadline), together):
                report.say(f"{share.title}, {share.cases} cases", "\n".join(share.failures) or None)
    print("\n| caller | operations | cases | 2xx | 4xx | 5xx | time |\n|--|--|--|--|--|--|--|")
    for share in chosen:
        counts = [len(share.operations), share.cases, *map(share.answers, "245")]
        print(f"| {share.title} | " + " | ".join(map(str, counts)) + f" | {share.took:.0f} s |")
    print(f"\n{sum(share.cases for share in chosen)} cases, seed {given.seed}\n")


def shares(bank) -> list[Share]:
    needs = by_need(requests.get(f"{bank.url}/openapi.json", timeout=20).json())
    plain, guarded = bank.people["customers"][0], bank.people["customers"][-1]
    assert "totp_secret" not in plain and "totp_secret" in guarded, "the demo's last customer has a second factor"
    found = [
        Share("anonymous", [name for names in needs.values() for name in names]),
        Share(f"customer:{plain['email']}", needs["customerToken"]),
        Share(f"customer:{guarded['email']}", needs["customerToken"]),
        Share("merchant", needs["merchantSignature"]),
    ]
    for role, permissions in permissions_of(bank).items():
        found.append(Share(f"staff:{role}", [name for need in permissions for name in needs.get(need, [])]))
    return found


def by_need(document: dict) -> dict[str, list[str]]:
    """Names of operations by what they need: "" (nothing), a scheme, or a permission."""
    needs: dict[str, list[str]] = {}
    for item in document["paths"].values():
        for operation in item.values():
            security = operation.get("security") or [{}]
            scheme, scopes = next(iter(security[0].items()), ("", []))
            needs.setdefault(scopes[0] if scopes else scheme, []).append(operation["operationId"])
    return needs


def permissions_of(bank) -> dict[str, list[str]]:
    """By role, as the bank says them to somebody who has it."""
    found = {}
    # The second of a role signs in here, where there is one: a code serves once, and the first has work to do.
    for operator in {person["role"]: person for person in bank.people["staff"]}.values():
        headers = {"Authorization": f"Bearer {sign_in(bank.url, operator)['access_token']}"}
        me = requests.get(f"{bank.url}/v1/staff/me", headers=headers, timeout=20).json()
        found[me["role"]] = me["permissions"]
    return found


def stages(shares: list[Share]) -> list[list[Share]]:
    """Those whose money it is; operators, who may stop those; the administrator, who may stop operators."""
    stage_of = lambda share: share.caller.startswith("staff:") + (share.caller == "staff:admin")
    found = [[share for share in shares if stage_of(share) == stage] for stage in range(3)]
    return [together for together in found if together]


def play_all(share: Share, bank, given, most: int, deadline: float) -> Share:
    last = [name for name in share.operations if name in LAST and share.caller != "anonymous"]
    first = [name for name in share.operations if name not in last]
    for names, cases in ((first, most), (last, min(most, LAST_CASES))):
        if names:
            play(share, names, bank, given, (cases, max(LEAST_SECONDS, deadline - time.monotonic())))
    return share


def play(share: Share, names: list[str], bank, given, bounds: tuple[int, float]) -> None:
    """One run of schemathesis."""
    most, seconds = bounds
    name = share.caller.replace(":", "-").replace("@", "-")
    tally, log = given.output / f"{name}.json", given.output / f"{name}.log"
    tally.unlink(missing_ok=True)
    env = {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "SCHEMATHESIS_HOOKS": "hooks",
        "OUTSIDE_BANK": str(bank.file),
        "OUTSIDE_CALLER": share.caller,
        "OUTSIDE_TALLY": str(tally),
        "OUTSIDE_SEED": str(given.seed),
        "OUTSIDE_LAST": "1" if set(names) <= LAST else "0",
    }
    start = time.monotonic()
    with open(log, "a", encoding="utf-8") as file:
        words = command(names, bank.url, (most, given.seed))
        try:
            ended = subprocess.run(
                words, stdout=file, stderr=subprocess.STDOUT, env=env, cwd=given.output, timeout=seconds, check=False
            )
            failure = f"schemathesis ended with {ended.returncode}" if ended.returncode else None
        except subprocess.TimeoutExpired:
            failure = f"not done after {seconds:.0f} s"
    share.took += time.monotonic() - start
    counted = json.loads(tally.read_text(encoding="utf-8")) if tally.exists() else {}
    for key, count in counted.items():
        share.tally[key] = share.tally.get(key, 0) + count
    if failure is None and not counted.get("cases"):
        failure = "not one case"
    if failure is None and any(status.startswith("5") for status in counted):
        failure = "an answer 5xx"
    if failure:
        share.failures.append(f"{failure}; {log}\n{excerpt(log)}")


def command(names: list[str], url: str, bounds: tuple[int, int]) -> list[str]:
    most, seed = bounds
    program = str(Path(sys.executable).with_name("schemathesis"))
    words = [program, "--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}/openapi.json"]
    for name in names:
        words += ["--include-operation-id", name]
    words += ["--phases", PHASES, "--max-examples", str(most), "--seed", str(seed), "--workers", "1"]
    return words + ["--continue-on-failure", "--no-color", "--warnings", "off"]


def excerpt(log: Path) -> str:
    """From the failures on."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    begin = next((i for i, line in enumerate(lines) if " FAILURES " in line or " ERRORS " in line), len(lines) - MOST_LINES)
    return "\n".join(lines[max(begin, 0) :][:MOST_LINES])
