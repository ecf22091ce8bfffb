"""Uses a Python client that was generated from the document: register, sign in, open, send, repeat, read, be refused.

python use_python.py URL EMAIL PASSWORD ACCOUNT, with the folder of the generated package `bank` in PYTHONPATH. `ACCOUNT` is somebody
else's number, to be paid. Exit 0: the bank did what the client's types say.
"""

import sys
import uuid

from bank import AuthenticatedClient, Client
from bank.api.accounts import list_accounts, list_entries, open_account
from bank.api.customers import get_me, register_customer
from bank.api.sign_in_and_sessions import log_in
from bank.api.transfers import send_transfer
from bank.models import (
    Account,
    AccountPage,
    Currency,
    Customer,
    EntryPage,
    LogIn,
    MfaRequired,
    OpenAccount,
    Problem,
    RegisterCustomer,
    RegisteredCustomer,
    SendTransfer,
    Tokens,
    Transfer,
)


def is_a(kind, value):
    assert isinstance(value, kind), f"{kind.__name__} was wanted, not {value!r}"
    return value


def main(url: str, payer: dict, payee: str) -> None:
    anybody = Client(base_url=url)
    email, password = f"{uuid.uuid4().hex[:12]}@example.com", f"quiet herons {uuid.uuid4().hex}"
    wanted = RegisterCustomer(email=email, password=password, full_name="Noor Haddad")
    made = register_customer.sync(client=anybody, body=wanted, idempotency_key=str(uuid.uuid4()))
    assert is_a(RegisteredCustomer, made).email == email

    tokens = is_a(Tokens, log_in.sync(client=anybody, body=LogIn(email=email, password=password)))
    noor = AuthenticatedClient(base_url=url, token=tokens.access_token)
    assert is_a(Customer, get_me.sync(client=noor)).full_name == "Noor Haddad"
    own = []
    for name in ("Everyday", "Savings"):
        body = OpenAccount(currency=Currency.INR, name=name)
        own.append(is_a(Account, open_account.sync(client=noor, body=body, idempotency_key=str(uuid.uuid4()))))
    listed = is_a(AccountPage, list_accounts.sync(client=noor, limit=100))
    assert [account.id for account in listed.data] == [account.id for account in own]

    refused = send(noor, own[0].id, payee, 100, str(uuid.uuid4()))
    problem = is_a(Problem, refused.parsed)
    assert (refused.status_code, problem.code, problem.status) == (422, "insufficient_funds", 422), problem

    answer = log_in.sync(client=anybody, body=LogIn(email=payer["email"], password=payer["password"]))
    assert not isinstance(answer, MfaRequired)
    asha = AuthenticatedClient(base_url=url, token=is_a(Tokens, answer).access_token)
    source = is_a(AccountPage, list_accounts.sync(client=asha)).data[0]
    key = str(uuid.uuid4())
    first = send(asha, source.id, own[0].number, 4_711, key)
    again = send(asha, source.id, own[0].number, 4_711, key)
    assert is_a(Transfer, first.parsed).amount == 4_711
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert "Idempotent-Replayed" not in first.headers and again.headers["Idempotent-Replayed"] == "true"
    reused = send(asha, source.id, own[0].number, 4_712, key)
    assert is_a(Problem, reused.parsed).code == "idempotency_key_reused"

    entries = is_a(EntryPage, list_entries.sync(own[0].id, client=noor, limit=1))
    assert [(entry.amount, entry.transfer_id) for entry in entries.data] == [(4_711, first.parsed.id)]
    wrong = is_a(Problem, list_entries.sync(own[0].id, client=noor, limit=101))
    assert [fault.field for fault in wrong.fields] == ["limit"]


def send(client, source: str, target: str, amount: int, key: str):
    body = SendTransfer(from_=source, to=target, amount=amount, currency=Currency.INR)
    return send_transfer.sync_detailed(client=client, body=body, idempotency_key=key)


if __name__ == "__main__":
    address, email, password, account = sys.argv[1:]
    main(address, {"email": email, "password": password}, account)
    print("the Python client works")
