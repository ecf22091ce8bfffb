"""What schemathesis does besides, loaded by it: the caller, values that exist, the check of accepted data, the tally.

What fits the schemas is mostly about nothing: ids of nobody, currencies of no account. In three cases of four an id is
taken from what the bank answered before, a card is one that the gateway knows and an amount is one that an account has;
the fourth stays as it was drawn. Cases that are to be refused are never touched.
"""

import atexit
import json
import os
import random
import re
import secrets
import threading
import uuid
from collections import Counter

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

from callers import Bearer, Signature

with open(os.environ["OUTSIDE_BANK"], encoding="utf-8") as file:
    BANK = json.load(file)
CALLER = os.environ["OUTSIDE_CALLER"]
RANDOM = random.Random(os.environ.get("OUTSIDE_SEED", "1"))

# What ends the caller's own access is called without coming back.
IS_LAST = os.environ.get("OUTSIDE_LAST") == "1"

KEY = re.compile(r"[ -~]{1,255}\Z")
ID = re.compile(r"^([a-z]{3})_[0-7][0-9a-hjkmnp-tv-z]{25}$")
# Ending operators' access or keys one after another would end the run: these stay as drawn, ids of nobody.
KEPT_AWAY = {"stf", "key", "mer"}
MOST_KNOWN = 400
MOST_FINITE = 10**300

# Refusals of a field that no schema can say, by the field's code.
BEYOND_SCHEMAS = {
    "secret": "a text that looks like a card, a code or a key is refused where it would be kept in the clear",
    "too_common": "a password of the list of common ones",
    "contains_identity": "a password of the customer's own name",
    "before_from": "one day against another",
    "below_min": "one amount against another",
    "expired": "a card's last month, by the clock",
    "wrong_mode": "test cards and live ones are told apart by their numbers",
    "unknown_brand": "card schemes are told apart by their numbers",
    "required": "one of two fields, whichever",
    "not_wanted": "a field that another one excludes",
    "too_many": "as many as there are in a period",
    "not_offered": "a way that this very challenge does not have",
    "own": "an account of the caller's own",
    "period_too_long": "one day against another",
    "in_future": "a day against the clock",
}
# Refusals of these fields by the code beside them, for what a pattern or a fixed bound cannot say.
BEYOND_PATTERNS = {
    "number": "invalid",  # check digits, of accounts and cards
    "to": "invalid",
    "account": "invalid",
    "url": "invalid",  # hosts that are not public
    "email": "invalid",  # RFC 5321's dots
    "code": "invalid",  # by the method beside it
    "query": "invalid",  # one of four kinds of things
    "exp_year": "invalid",  # by the clock
    "metadata": "invalid",  # 4 KiB of JSON
    "addresses": "invalid",  # networks
    "password": "too_short",  # the profile's length
    "new_password": "too_short",
    "after": "out_of_range",  # the newest event
    "format_preserving": "too_short",  # the number beside it
}


class Known:
    """Ids and numbers that the bank has said, by kind."""

    def __init__(self):
        self.lock = threading.Lock()
        self.kinds: dict[str, list[str]] = {}
        self.cursors: dict[str, str | None] = {}
        for customer in BANK["customers"]:
            for account in customer["accounts"] if "accounts" in customer else []:
                self.note(account["id"])

    def note(self, text: str) -> None:
        found = ID.match(text)
        if not found or found[1] in KEPT_AWAY:
            return
        with self.lock:
            kind = self.kinds.setdefault(found[1], [])
            if text not in kind:
                kind.append(text)
                del kind[:-MOST_KNOWN]

    def other(self, text: str) -> str:
        """One of the same kind that is there."""
        found = ID.match(text)
        known = self.kinds.get(found[1]) if found else None
        return RANDOM.choice(known) if known and is_likely() else text

    def read(self, value) -> None:
        if isinstance(value, str):
            self.note(value)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            self.read(inner)


def is_likely() -> bool:
    return RANDOM.random() < 0.75


def caller():
    """An operator by role, a customer by address, a merchant, or nobody."""
    kind, _, name = CALLER.partition(":")
    if kind == "merchant":
        return Signature(BANK["merchants"][0])
    if kind == "anonymous":
        return None
    people = BANK["staff"] if kind == "staff" else BANK["customers"]
    return Bearer(BANK["url"], next(p for p in people if name in (p.get("role"), p["email"])))


KNOWN = Known()
AUTH = caller()
TALLY = Counter()
WORDS = {
    "url": lambda: "https://example.com/webhooks",
    "email": lambda: f"{secrets.token_hex(6)}@example.com",
    "password": lambda: f"quiet {secrets.token_hex(8)} herons 7",
    "number": lambda: RANDOM.choice(list(BANK["test_cards"].values())),
    "exp_month": lambda: 12,
    "exp_year": lambda: 2030,
    "currency": lambda: RANDOM.choice(["INR", "INR", "EUR"]),
    "amount": lambda: RANDOM.randint(1, 900),
}


def livelier(value, name=""):
    """The same with values that are there."""
    if isinstance(value, dict):
        return {key: livelier(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [livelier(inner, name) for inner in value]
    if isinstance(value, str) and ID.match(value):
        return KNOWN.other(value)
    if name in ("from", "to", "account") and isinstance(value, str) and value.startswith("EX"):
        return KNOWN.other("acc_" + "0" * 26)
    if value is not None and name in WORDS and is_likely():
        return WORDS[name]()
    if isinstance(value, int | float) and abs(value) > MOST_FINITE:
        # A number that no program keeps (RFC 8259 §6) is refused wherever it stands, in free-form objects too.
        return 0
    if isinstance(value, float) and value.is_integer():
        # One number to JSON Schema (validation §6.1.1), two tokens to the bank, which takes no `1.0` for an amount.
        return int(value)
    return value


class Guarded(requests.auth.AuthBase):
    """Says who calls, but where a case is about a request that does not say it."""

    case = threading.local()

    def __call__(self, request):
        return request if getattr(self.case, "is_bare", False) else AUTH(request)


@schemathesis.hook
def before_call(context, case, kwargs):
    Guarded.case.is_bare = is_bare(case)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if isinstance(case.body, dict):
        case.body = livelier(case.body)
    for part in (case.path_parameters, case.query):
        for name in list(part or {}):
            if isinstance(part[name], str) and ID.match(part[name]):
                part[name] = KNOWN.other(part[name])
    if case.query and "cursor" in case.query:
        # A list goes on where it ended before; any other place is no place of it.
        newest = KNOWN.cursors.get(list_of(case))
        case.query.pop("cursor") if newest is None else case.query.update(cursor=newest)
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())


def list_of(case) -> tuple:
    """What a cursor belongs to: the entries of one account are no place among those of another."""
    return case.operation.label, *sorted((case.path_parameters or {}).items())


def is_bare(case) -> bool:
    """A header that is missing may be the credential: what is left without one is to be refused, and is."""
    found = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
    if found is None or not found.mode.is_negative:
        return False
    key = (case.headers or {}).get("Idempotency-Key")
    takes_key = any(p.name == "Idempotency-Key" for p in case.operation.headers)
    return not takes_key or (isinstance(key, str) and KEY.match(key) is not None)


@schemathesis.hook
def after_call(context, case, response):
    TALLY["cases"] += 1
    TALLY[str(response.status_code)] += 1
    if response.status_code == 401 and AUTH is not None and not IS_LAST:
        AUTH.was_refused(response.request)
    if response.headers.get("content-type", [""])[0].startswith("application/json"):
        try:
            said = response.json()
            KNOWN.read(said)
            if isinstance(said, dict) and "next_cursor" in said:
                KNOWN.cursors[list_of(case)] = said["next_cursor"]
        except ValueError:
            TALLY["unreadable"] += 1


@schemathesis.check
def what_fits_is_taken(ctx, response, case):
    """A body and a query that fit their schemas are refused for what they ask, never for how they look."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 415, 422):
        return
    problem = response.json()
    if problem["code"] == "invalid_fields":
        unsaid = [fault for fault in problem["fields"] if not is_beyond(fault)]
        assert not unsaid, f"the schema allows what the bank refuses: {json.dumps(unsaid)}"
    else:
        assert problem["code"] not in ("malformed_request", "malformed_json"), problem.get("detail")


def is_beyond(fault: dict) -> bool:
    last = fault["field"].rpartition(".")[2].partition("[")[0]
    return fault["code"] in BEYOND_SCHEMAS or BEYOND_PATTERNS.get(last) == fault["code"]


if AUTH is not None:
    schemathesis.auth.set_from_requests(Guarded())


@atexit.register
def write_tally():
    with open(os.environ["OUTSIDE_TALLY"], "w", encoding="utf-8") as file:
        json.dump(TALLY, file)
