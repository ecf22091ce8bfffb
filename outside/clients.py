"""Generates a Python and a TypeScript client from the bank's document and uses each; nothing generated is kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import requests

HERE = Path(__file__).resolve().parent / "clients"
LIMIT_SECONDS = 240


class Failed(Exception):
    """A command did not succeed."""


def run(bank, output: Path, packages: Path, report) -> None:
    folder = output / "clients"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    document = folder / "openapi.json"
    document.write_bytes(requests.get(f"{bank.url}/openapi.json", timeout=20).content)
    payer, payee = bank.people["customers"][0], account_of(bank.url, bank.people["customers"][1])
    sentence = [bank.url, payer["email"], payer["password"], payee]
    for name, use in (("Python", python), ("TypeScript", typescript)):
        try:
            use(document, folder, packages, sentence)
            report.say(f"a generated {name} client")
        except Failed as failure:
            report.say(f"a generated {name} client", str(failure))


def python(document: Path, folder: Path, _: Path, sentence: list[str]) -> None:
    config = folder / "python.yml"
    # No formatter is run over what nobody reads.
    config.write_text("post_hooks: []\n", encoding="utf-8")
    program = str(Path(sys.executable).with_name("openapi-python-client"))
    words = [program, "generate", "--path", str(document), "--meta", "none", "--fail-on-warning"]
    call([*words, "--output-path", str(folder / "bank"), "--config", str(config)], folder)
    call([sys.executable, str(HERE / "use_python.py"), *sentence], folder, {"PYTHONPATH": str(folder)})


def typescript(document: Path, folder: Path, packages: Path, sentence: list[str]) -> None:
    here = folder / "typescript"
    here.mkdir()
    (here / "node_modules").symlink_to(packages / "node_modules")
    shutil.copy(HERE / "typescript" / "use.ts", here)
    (here / "package.json").write_text('{"type": "module"}\n', encoding="utf-8")
    programs = packages / "node_modules" / ".bin"
    call([str(programs / "openapi-typescript"), str(document), "--output", "bank.ts"], here)
    strict = ["--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--skipLibCheck"]
    modern = ["--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom"]
    call([str(programs / "tsc"), *strict, *modern, "use.ts"], here)
    call(["node", "use.js", *sentence], here)


def account_of(url: str, person: dict) -> str:
    """The number of somebody's first account."""
    body = {"email": person["email"], "password": person["password"]}
    token = requests.post(f"{url}/v1/auth/login", json=body, timeout=20).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{url}/v1/accounts", headers=headers, timeout=20).json()["data"][0]["number"]


def call(words: list[str], folder: Path, besides: dict | None = None) -> None:
    env = {**os.environ, **(besides or {})}
    try:
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{words[0]}: {error}") from error
    if done.returncode:
        raise Failed(f"{' '.join(words[:3])} ended with {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
