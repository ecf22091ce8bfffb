//! What an approval does, readable: each field of each kind of act, in its own terms.
//!
//! What a kind does not name here is shown all the same, by its path: an approver sees every field.

use serde_json::Value;

use super::approvals::Approval;
use super::desk::{seen, text_of};
use super::names::{Merchants, Names};
use super::parts::Cell;
use super::{accounts, customers, merchants, said, transfers};
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::form::segment;

type Told = Result<Vec<(String, Cell)>, Refused>;

/// A kind of act, for people.
pub fn title(kind: &str) -> &str {
    match kind {
        "deposit" => "Deposit cash",
        "withdraw" => "Pay cash out",
        "reverse_transfer" => "Reverse a transfer",
        "set_limits" => "Loosen an account's limits",
        "unlock_customer" => "Unlock a customer",
        "enable_customer" => "Give a customer access back",
        "enable_member" => "Give an operator access back",
        "reset_member" => "Reset an operator's sign-in",
        "change_merchant" => "Change a merchant's terms",
        "make_merchant_key" => "Make a merchant's live key",
        "rotate_merchant_key" => "Rotate a merchant's live key",
        "settle_merchant" => "Pay a merchant out",
        "refund_payment" => "Refund a card payment",
        "destroy_key" => "Destroy a data key",
        other => other,
    }
}

/// What an approver's role needs besides the decision.
pub fn decided_with(kind: &str) -> &str {
    match kind {
        "deposit" | "withdraw" | "reverse_transfer" => "reverse_transfer",
        "change_merchant" | "make_merchant_key" | "rotate_merchant_key" => "manage_merchants",
        "settle_merchant" => "settle_merchants",
        "refund_payment" => "refund_payments",
        "destroy_key" => "manage_keys",
        // The permission has the act's own name.
        other => other,
    }
}

/// The act in a line of a list.
pub fn summary(approval: &Approval, merchants: &Merchants) -> String {
    let request = &approval.request;
    let of = |name| text_of(request, name);
    let amount = request.get("amount").and_then(Value::as_i64);
    match (approval.kind.as_str(), amount) {
        ("deposit" | "withdraw", Some(amount)) => {
            format!("{} for {}", said::money(amount, of("currency")), of("account"))
        }
        ("settle_merchant", Some(amount)) => {
            format!("{} to {}", said::money(amount, of("currency")), merchants.name(of("merchant")))
        }
        ("refund_payment", Some(amount)) => {
            format!("{} of {}", said::money(amount, of("currency")), of("payment"))
        }
        ("destroy_key", _) => of("purpose").to_owned(),
        ("reverse_transfer", _) => of("transfer").to_owned(),
        ("set_limits", _) => of("account").to_owned(),
        ("change_merchant" | "make_merchant_key", _) => merchants.name(of("merchant")).to_owned(),
        ("rotate_merchant_key", _) => of("old").to_owned(),
        _ => of("id").to_owned(),
    }
}

/// Every field of the act. What could not be asked for is an error: nobody decides by half of what there is.
pub async fn facts(operator: &Operator, names: &Names, approval: &Approval) -> Told {
    let request = &approval.request;
    Ok(match approval.kind.as_str() {
        "deposit" | "withdraw" => cash(operator, request).await?,
        "reverse_transfer" => reversal(operator, request).await?,
        "set_limits" => limits(operator, request).await?,
        "change_merchant" => terms(operator, request).await?,
        "settle_merchant" => payout(operator, request).await?,
        "refund_payment" => refund(operator, request).await?,
        "make_merchant_key" => key(operator, request).await?,
        "rotate_merchant_key" => rotation(operator, request).await?,
        "unlock_customer" | "enable_customer" => customer(operator, request).await?,
        "enable_member" | "reset_member" => member(operator, names, request),
        _ => rest(operator, request, &[]),
    })
}

async fn customer(operator: &Operator, request: &Value) -> Told {
    let id = text_of(request, "id");
    let mut facts = vec![fact("Customer", operator.about(id))];
    facts.extend(customers::known(operator, id).await?);
    facts.extend(rest(operator, request, &["id"]));
    Ok(facts)
}

fn member(operator: &Operator, names: &Names, request: &Value) -> Vec<(String, Cell)> {
    let id = text_of(request, "id");
    let mut facts =
        vec![fact("Operator", names.cell(operator, id)), fact("Operator's id", Cell::code(id))];
    facts.extend(rest(operator, request, &["id"]));
    facts
}

async fn cash(operator: &Operator, request: &Value) -> Told {
    let account = account_of(operator, text_of(request, "account")).await?;
    let mut facts = vec![
        fact("Amount", money(request, text_of(request, "currency"))),
        fact("Account", about_account(operator, account.as_ref(), text_of(request, "account"))),
    ];
    facts.extend(accounts::known(account.as_ref()));
    facts.push(fact("Reference", Cell::text(text_of(request, "reference"))));
    facts.extend(rest(operator, request, &["amount", "currency", "account", "reference"]));
    Ok(facts)
}

async fn reversal(operator: &Operator, request: &Value) -> Told {
    let id = text_of(request, "transfer");
    let transfer = seen(transfers::one(operator, id).await)?;
    let amount = request.get("amount").and_then(Value::as_i64);
    let amount = match (amount, &transfer) {
        (Some(amount), Some(transfer)) => Cell::money(amount, &transfer.currency),
        (Some(amount), None) => Cell::Amount(format!("{amount} (smallest units)")),
        (None, _) => Cell::text("All that is left"),
    };
    let mut facts = vec![
        fact("Transfer", operator.about(id)),
        fact("To send back", amount),
        fact("Reason", Cell::text(text_of(request, "reason"))),
    ];
    if let Some(transfer) = &transfer {
        let seen = transfers::facts(operator, transfer).into_iter();
        facts.extend(seen.map(|(label, value)| (format!("The transfer · {label}"), value)));
    }
    facts.extend(rest(operator, request, &["transfer", "amount", "reason"]));
    Ok(facts)
}

async fn limits(operator: &Operator, request: &Value) -> Told {
    let account = account_of(operator, text_of(request, "account")).await?;
    let currency = account.as_ref().map(|account| account.currency.as_str());
    let limit = |when: &str, name: &str| match (
        request.get(when).and_then(|pair| pair.get(name)).and_then(Value::as_i64),
        currency,
    ) {
        (None, _) => Cell::text("No limit"),
        (Some(minor), Some(currency)) => Cell::money(minor, currency),
        (Some(minor), None) => Cell::Amount(format!("{minor} (smallest units)")),
    };
    let named = text_of(request, "account");
    let mut facts = vec![fact("Account", about_account(operator, account.as_ref(), named))];
    facts.extend(accounts::known(account.as_ref()));
    for (name, label) in
        [("per_transfer", "Most for one transfer"), ("per_day", "Most in 24 hours")]
    {
        facts.push((format!("{label}, from now"), limit("limits", name)));
        facts.push((format!("{label}, until now"), limit("before", name)));
    }
    facts.extend(rest(operator, request, &["account", "limits", "before"]));
    Ok(facts)
}

/// What changes, with what it was; then what stays.
async fn terms(operator: &Operator, request: &Value) -> Told {
    let mut facts = merchant(operator, request).await?;
    let (new, old) = (request.get("terms"), request.get("before"));
    let shown = |terms: Option<&Value>, name: &str| {
        let value = terms.and_then(|terms| terms.get(name)).unwrap_or(&Value::Null);
        match (name, value) {
            ("fee_basis_points", Value::Number(points)) => {
                Cell::Amount(said::percent(points.as_i64().unwrap_or_default()))
            }
            ("settlement_account", Value::String(id)) => operator.about(id),
            (_, other) => Cell::Text(said::plain(other)),
        }
    };
    let names = [
        ("name", "Name"),
        ("settlement_account", "Paid out to"),
        ("fee_basis_points", "Fee"),
        ("fee_fixed", "Fixed fee (smallest units)"),
        ("refund_limit", "Most that it refunds of one payment by itself (smallest units)"),
        ("is_active", "Takes payments"),
    ];
    for (name, label) in names {
        let at = |terms: Option<&Value>| terms.and_then(|terms| terms.get(name)).cloned();
        if at(new) == at(old) {
            facts.push((format!("{label}, as before"), shown(new, name)));
        } else {
            facts.push((format!("{label}, from now"), shown(new, name)));
            facts.push((format!("{label}, until now"), shown(old, name)));
        }
    }
    facts.extend(rest(operator, request, &["merchant", "terms", "before"]));
    Ok(facts)
}

async fn payout(operator: &Operator, request: &Value) -> Told {
    let to = text_of(request, "to");
    let (merchant, account) =
        tokio::try_join!(merchant(operator, request), account_of(operator, to))?;
    let mut facts = merchant;
    facts.extend([
        fact("Amount", money(request, text_of(request, "currency"))),
        fact("To", about_account(operator, account.as_ref(), to)),
    ]);
    facts.extend(accounts::known(account.as_ref()));
    facts.extend(rest(operator, request, &["merchant", "amount", "currency", "to"]));
    Ok(facts)
}

async fn refund(operator: &Operator, request: &Value) -> Told {
    let mut facts = match request.get("merchant") {
        Some(_) => merchant(operator, request).await?,
        None => Vec::new(),
    };
    facts.extend([
        fact("Payment", operator.about(text_of(request, "payment"))),
        fact("To refund", money(request, text_of(request, "currency"))),
        fact("Reason", Cell::text(text_of(request, "reason"))),
    ]);
    let named = ["merchant", "payment", "amount", "currency", "reason"];
    facts.extend(rest(operator, request, &named));
    Ok(facts)
}

async fn key(operator: &Operator, request: &Value) -> Told {
    let list = |name: &str, none: &str| {
        let items = request.get(name).and_then(Value::as_array).filter(|items| !items.is_empty());
        items.map_or_else(|| Cell::text(none), |_| Cell::Text(said::plain_list(&request[name])))
    };
    let public = request.get("public_key").and_then(Value::as_str);
    let ends = request.get("expires_at").and_then(Value::as_i64);
    let ends = ends.map(|micros| money::Timestamp::from_micros(micros).to_string());
    let mut facts = merchant(operator, request).await?;
    facts.extend([
        fact("Key", Cell::code(text_of(request, "key"))),
        fact("Name", Cell::text(text_of(request, "name"))),
        fact(
            "Signs with",
            public.map_or(Cell::text("A secret that the bank has drawn"), Cell::code),
        ),
        fact("Routes", list("routes", "Every route")),
        fact("From addresses", list("addresses", "From everywhere")),
        fact("Ends", ends.map_or(Cell::text("Not by itself"), Cell::Time)),
    ]);
    let named = ["merchant", "key", "name", "public_key", "routes", "addresses", "expires_at"];
    facts.extend(rest(operator, request, &named));
    Ok(facts)
}

async fn rotation(operator: &Operator, request: &Value) -> Told {
    let overlap = request.get("overlap_seconds").and_then(Value::as_i64).unwrap_or_default();
    let mut facts = vec![
        fact("The key that ends", Cell::code(text_of(request, "old"))),
        fact("It serves on for", Cell::Text(format!("{overlap} s"))),
    ];
    if let Some(new) = request.get("new") {
        let new = key(operator, new).await?.into_iter();
        facts.extend(new.map(|(label, value)| (format!("The new key · {label}"), value)));
    }
    facts.extend(rest(operator, request, &["old", "overlap_seconds", "new"]));
    Ok(facts)
}

/// The fields that nothing above has named.
fn rest(operator: &Operator, request: &Value, named: &[&str]) -> Vec<(String, Cell)> {
    let Some(fields) = request.as_object() else { return Vec::new() };
    let left = fields.iter().filter(|(name, _)| !named.contains(&name.as_str()));
    let left: serde_json::Map<String, Value> =
        left.map(|(name, value)| (name.clone(), value.clone())).collect();
    let lines = said::flat(&Value::Object(left)).into_iter();
    lines.map(|(label, value)| (label, operator.about_text(&value))).collect()
}

/// An account that only an id or a number stands for; none where this operator may not see it.
async fn account_of(
    operator: &Operator,
    named: &str,
) -> Result<Option<accounts::Account>, Refused> {
    if named.is_empty() || !operator.may("read_accounts") {
        return Ok(None);
    }
    if named.starts_with("acc_") {
        return seen(operator.get(format!("{}{}", accounts::API, segment(named))).receive().await);
    }
    let path = format!("/v1/staff/accounts?number={}", segment(named));
    match operator.get(path).receive::<List<accounts::Account>>().await {
        // What is no number names no account.
        Err(refused) if refused.code == "invalid_fields" => Ok(None),
        asked => Ok(seen(asked)?.and_then(|list| list.data.into_iter().next())),
    }
}

/// As the act has it, with a link where the account is known.
fn about_account(operator: &Operator, account: Option<&accounts::Account>, named: &str) -> Cell {
    match account {
        Some(account) if !named.starts_with("acc_") => {
            Cell::link(format!("/console/accounts/{}", segment(&account.id)), named)
        }
        _ => operator.about(named),
    }
}

/// The merchant that an act is about, with the name where this operator may see it.
async fn merchant(operator: &Operator, request: &Value) -> Told {
    let id = text_of(request, "merchant");
    let mut facts = vec![fact("Merchant", operator.about(id))];
    if id.is_empty() || !operator.may("read_merchants") {
        return Ok(facts);
    }
    if let Some(merchant) = seen(merchants::one(operator, id).await)? {
        facts.insert(0, fact("Merchant's name", Cell::text(merchant.name)));
        facts.push(fact("Merchant's standing", Cell::standing(&merchant.status)));
    }
    Ok(facts)
}

fn money(request: &Value, currency: &str) -> Cell {
    let amount = request.get("amount").and_then(Value::as_i64);
    amount.map_or(Cell::Nothing, |amount| Cell::money(amount, currency))
}

fn fact(label: &str, value: Cell) -> (String, Cell) {
    (label.to_owned(), value)
}
