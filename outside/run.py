"""The bank as strangers' programs see it: fuzzed by its own document, used by generated clients, scanned.

python run.py --binary PATH --banks FOLDER --output FOLDER --packages FOLDER [--cases N] [--seconds S] [--only NAME]
              [--seed N] [--scanners FOLDER]
`--only` is `fuzz`, `clients` or a caller, as `anonymous`, `merchant` or `staff:teller`; `--packages` holds the
`node_modules` of the TypeScript client, `--scanners` the programs of the scanners, which run where it is given.
Order: clients (half a minute), fuzz, scan; each against a bank of its own. Exit 0: nothing failed.
"""

import argparse
import signal
import sys
from pathlib import Path

import clients
import fuzz
import scan
from bank import Bank
from report import Report


def main() -> int:
    # Whoever stops this program stops its bank.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    words = argparse.ArgumentParser()
    for name in ("binary", "banks", "output", "packages"):
        words.add_argument(f"--{name}", required=True, type=Path)
    words.add_argument("--cases", type=int, default=20_000)
    words.add_argument("--seconds", type=int, default=3_600)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--only", default="")
    words.add_argument("--scanners", type=Path)
    given = words.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    report = Report()
    if given.only in ("", "clients"):
        with Bank(given.binary, given.banks / "clients") as bank:
            clients.run(bank, given.output, given.packages, report)
    if given.only not in ("clients", "scan"):
        with Bank(given.binary, given.banks / "fuzz") as bank:
            fuzz.run(bank, given, report)
    if given.scanners:
        with Bank(given.binary, given.banks / "scan") as bank:
            scan.run(bank, given.output, given.scanners, report)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
