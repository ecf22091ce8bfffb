"""A demo bank as a process: started in a folder of its own, stopped by its own id."""

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

LISTEN_SECONDS = 60
STOP_SECONDS = 40


class Bank:
    """`with Bank(binary, folder) as bank:`; `bank.people` is the object of `exchequer demo --json`.

    Rate limits are off: what is looked at here is every answer behind them. They are tested where they are made.
    """

    def __init__(self, binary: str, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith("EXCHEQUER_")}
        env |= {"EXCHEQUER_RATE_LIMITS": "off", "EXCHEQUER_LOG": "warn"}
        self.log = open(folder / "bank.log", "w", encoding="utf-8")
        words = [binary, "demo", "--data", str(folder / "data"), "--listen", "127.0.0.1:0", "--json"]
        self.process = subprocess.Popen(words, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.people = None

    def __enter__(self) -> "Bank":
        late = threading.Timer(LISTEN_SECONDS, self.process.kill)
        late.start()
        said = ""
        for line in self.process.stdout:
            if line.startswith("listening on "):
                break
            said += line
        late.cancel()
        try:
            self.people = json.loads(said)
        except ValueError as error:
            self.stop()
            raise SystemExit(f"the bank does not start: {error}; {self.folder / 'bank.log'}") from error
        # Which code of an authenticator was the last is for all programs that sign in as its owner.
        for person in [*self.people["customers"], *self.people["staff"]]:
            person["used_step"] = str(self.folder / f"{person['email']}.step")
        self.file.write_text(json.dumps(self.people), encoding="utf-8")
        return self

    def __exit__(self, *_) -> None:
        code = self.stop()
        if code != 0:
            raise SystemExit(f"the bank ended with {code}; {self.folder / 'bank.log'}")

    @property
    def url(self) -> str:
        return self.people["url"]

    @property
    def file(self) -> Path:
        return self.folder / "people.json"

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.log.close()
