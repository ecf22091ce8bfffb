"""Who calls the bank: signing in, refreshing, signing requests.

Order: a caller signs in when it is made and again when the bank answers 401 (its own acts may have ended the session).
Bound: a code of an authenticator serves once, and the bank takes those of the steps beside its own too: three sign-ins in a row,
then one each 30 seconds.
"""

import base64
import hashlib
import hmac
import secrets
import struct
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests

WAIT_SECONDS = 20
STEP_SECONDS = 30


class Refused(Exception):
    """The bank did not let a caller in."""


def totp(secret: str, step: int) -> str:
    """RFC 6238, six digits, SHA-1."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    place = mac[-1] & 15
    number = struct.unpack(">I", mac[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def code(person: dict) -> str:
    """One that was not used yet, by any program of this run; who is ahead by more than a step waits for the clock."""
    used = Path(person["used_step"])
    now = time.time()
    # The step before is taken as long as this one lasts.
    early = 1 if now % STEP_SECONDS < STEP_SECONDS * 0.6 else 0
    last = int(used.read_text(encoding="ascii")) if used.exists() else 0
    step = max(last + 1, int(now) // STEP_SECONDS - early)
    used.write_text(str(step), encoding="ascii")
    time.sleep(max(0.0, (step - 1) * STEP_SECONDS - now))
    return totp(person["totp_secret"], step)


def sign_in(url: str, person: dict) -> dict:
    """Tokens of a customer or an operator, second factor included."""
    path = "/v1/staff/login" if "role" in person else "/v1/auth/login"
    body = {"email": person["email"], "password": person["password"]}
    answer = said(requests.post(url + path, json=body, timeout=WAIT_SECONDS))
    if answer["status"] != "mfa_required":
        return answer
    challenge = answer["challenge"]["id"]
    path = f"{url}/v1/auth/challenges/{challenge}/verify"
    body = {"method": "totp", "code": code(person)}
    return said(requests.post(path, json=body, timeout=WAIT_SECONDS))


def said(reply: requests.Response) -> dict:
    if not reply.ok:
        raise Refused(f"{reply.request.method} {reply.request.path_url}: {reply.status_code} {reply.text[:300]}")
    return reply.json()


class Bearer(requests.auth.AuthBase):
    """A customer or an operator."""

    def __init__(self, url: str, person: dict):
        self.url, self.person = url, person
        self.lock = threading.Lock()
        self.tokens = sign_in(url, person)
        self.seen = time.monotonic()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"
        return request

    def was_refused(self, request: requests.PreparedRequest) -> None:
        """Signs in anew where the token of the request is still the newest."""
        with self.lock:
            if request.headers.get("Authorization") != f"Bearer {self.tokens['access_token']}":
                return
            body = {"refresh_token": self.tokens.get("refresh_token", "")}
            reply = requests.post(f"{self.url}/v1/auth/refresh", json=body, timeout=WAIT_SECONDS)
            self.tokens = reply.json() if reply.ok else sign_in(self.url, self.person)


class Signature(requests.auth.AuthBase):
    """A merchant: HMAC-SHA256 over method, target, time, nonce and body."""

    def __init__(self, merchant: dict):
        self.key, self.secret = merchant["key_id"], merchant["secret"].encode()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        moment, nonce = str(int(time.time())), secrets.token_hex(16)
        text = "\n".join([request.method, target, moment, nonce, hashlib.sha256(body).hexdigest()])
        request.headers.update({
            "Authorization": f"Exchequer {self.key}",
            "X-Timestamp": moment,
            "X-Nonce": nonce,
            "X-Signature": hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest(),
        })
        return request

    def was_refused(self, request: requests.PreparedRequest) -> None:
        """Every request is signed by itself."""
