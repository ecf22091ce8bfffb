"""What came of it, as libtest says it, so that who counts tests counts these."""


class Report:
    def __init__(self):
        self.passed, self.failures = 0, []

    def say(self, name: str, failure: str | None = None) -> None:
        """One test; `failure` is what went wrong."""
        print(f"test outside: {name} ... {'FAILED' if failure else 'ok'}", flush=True)
        if failure:
            self.failures.append((name, failure))
        else:
            self.passed += 1

    def close(self) -> int:
        """The status to exit with."""
        if self.failures:
            print("\nfailures:\n")
            for name, failure in self.failures:
                print(f"---- {name} ----\n{failure}\n")
        verdict = "FAILED" if self.failures else "ok"
        print(f"\ntest result: {verdict}. {self.passed} passed; {len(self.failures)} failed; 0 ignored")
        return 1 if self.failures else 0
