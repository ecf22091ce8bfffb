//! Money over the counter, and transfers sent back.
//!
//! A deposit comes from the bank's cash account of its currency, a withdrawal goes there; both pass the
//! door of all stand-alone transfers.

use money::{Amount, Currency, TransferId};
use serde::Deserialize;
use store::posting::Party;
use store::rows::TransferKind;
use store::{DbError, Tx};
use utoipa::ToSchema;

use crate::accounts;
use crate::accounts::number::AccountNumber;
use crate::approvals::api::ask;
use crate::approvals::deed::{Cash, Deed, Reversal};
use crate::bank::{self, Act};
use crate::http::fields::{Fields, MAX_TEXT_CHARS, MinorUnits};
use crate::http::{Answer, Code, Json, Path, Problem, Reply, Route, Routes, Staff};
use crate::staff::model::Permission;
use crate::transfers::api::{PLANNER_REFUSALS, through_the_door};
use crate::transfers::door::Wanted;
use crate::transfers::model::TransferView;

/// Of a reversal, in order of precedence.
const REVERSAL_REFUSALS: &[Code] = &[
    Code::AccountNotFound,
    Code::SameAccount,
    Code::CurrencyMismatch,
    Code::AccountFrozen,
    Code::AccountClosed,
    Code::ReversalExceedsTransfer,
    Code::LimitExceeded,
    Code::InsufficientFunds,
];

pub fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::Deposit,
            Route::post("/v1/staff/deposits", "deposit", "Take money in")
                .refuses(PLANNER_REFUSALS)
                .may_wait(),
            deposit,
        )
        .staff(
            Permission::Withdraw,
            Route::post("/v1/staff/withdrawals", "withdraw", "Pay money out")
                .refuses(PLANNER_REFUSALS)
                .may_wait(),
            withdraw,
        )
        .staff(
            Permission::ReverseTransfer,
            Route::post(
                "/v1/staff/transfers/{id}/reverse",
                "reverseTransfer",
                "Send a transfer back, in part or whole",
            )
            .refuses(REVERSAL_REFUSALS)
            .may_wait(),
            reverse,
        )
}

/// Money that comes in or goes out over the counter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CashMovement {
    /// Id or number of a customer's account.
    account: String,
    amount: MinorUnits,
    /// ISO 4217, upper case.
    currency: String,
    /// The slip, 1 to 140 characters; the customer sees it as the memo.
    reference: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReverseTransfer {
    /// Absent: all that is left to reverse.
    amount: Option<MinorUnits>,
    /// Why, for the audit trail: 1 to 140 characters.
    reason: String,
}

/// A checked movement.
struct Checked {
    account: Party,
    amount: Amount,
    currency: Currency,
    reference: String,
}

impl CashMovement {
    fn check(&self) -> Result<Checked, Problem> {
        let mut fields = Fields::default();
        let account = account(&mut fields, &self.account);
        let amount = fields.amount("amount", &self.amount);
        let currency = fields.currency("currency", &self.currency);
        let reference = fields.text("reference", &self.reference, 1, MAX_TEXT_CHARS);
        let checked = account.zip(amount).zip(currency.zip(reference));
        let ((account, amount), (currency, reference)) = fields.finish(checked)?;
        Ok(Checked { account, amount, currency, reference })
    }

    /// The act as it waits.
    fn waiting(&self, checked: &Checked) -> Cash {
        Cash {
            account: self.account.clone(),
            amount: checked.amount.get(),
            currency: checked.currency.code().to_owned(),
            reference: checked.reference.clone(),
        }
    }
}

impl Checked {
    fn is_large(&self, caller: &Staff) -> bool {
        caller.bank().config().approvals.is_large(self.amount.get(), self.currency)
    }
}

async fn deposit(caller: Staff, Json(body): Json<CashMovement>) -> Answer<TransferView> {
    let checked = body.check()?;
    if checked.is_large(&caller) {
        return ask_cash(&caller, Deed::Deposit(body.waiting(&checked))).await;
    }
    let cash = cash(&caller, checked.currency).await?;
    let account = checked.account.clone();
    move_cash(&caller, checked, TransferKind::Deposit, (cash, account)).await
}

async fn withdraw(caller: Staff, Json(body): Json<CashMovement>) -> Answer<TransferView> {
    let checked = body.check()?;
    if checked.is_large(&caller) {
        return ask_cash(&caller, Deed::Withdraw(body.waiting(&checked))).await;
    }
    let cash = cash(&caller, checked.currency).await?;
    let account = checked.account.clone();
    move_cash(&caller, checked, TransferKind::Withdrawal, (account, cash)).await
}

/// What the ledger would refuse is told when it is approved.
async fn ask_cash(caller: &Staff, deed: Deed) -> Answer<TransferView> {
    caller.once("staff.ask_cash", move |tx, act| ask(tx, act, deed.clone())).await
}

async fn move_cash(
    caller: &Staff,
    checked: Checked,
    kind: TransferKind,
    (debit, credit): (Party, Party),
) -> Answer<TransferView> {
    let wanted = Wanted {
        kind,
        debit,
        credit,
        amount: checked.amount,
        currency: checked.currency,
        memo: Some(checked.reference),
        key: caller.key()?,
        origin: caller.origin().clone(),
        request: caller.request(),
    };
    through_the_door(caller, wanted).await
}

/// The bank's cash account of a currency; it is opened with the first movement of that currency.
async fn cash(caller: &Staff, currency: Currency) -> Result<Party, Problem> {
    let id = bank::cash_account(currency);
    let known = caller
        .read("accounts.find_cash", move |tx| Ok(accounts::get_any(tx, &id)?.is_some()))
        .await?;
    if !known {
        caller
            .write("accounts.ensure_cash", move |tx, act| accounts::ensure_cash(tx, act, currency))
            .await?;
    }
    Ok(Party::Bank(id))
}

async fn reverse(
    caller: Staff,
    (Path(id), Json(body)): (Path<TransferId>, Json<ReverseTransfer>),
) -> Answer<TransferView> {
    let mut fields = Fields::default();
    let amount = body.amount.as_ref().and_then(|amount| fields.amount("amount", amount));
    let reason = fields.text("reason", &body.reason, 1, MAX_TEXT_CHARS);
    let reason = fields.finish(reason)?;
    caller
        .once("staff.reverse", move |tx, act| {
            let asked = amount.map(Amount::get);
            if is_large(tx, act, (&id, asked))? {
                let (transfer, reason) = (id.to_string(), reason.clone());
                let reversal = Reversal { transfer, amount: asked, reason };
                return ask(tx, act, Deed::ReverseTransfer(reversal));
            }
            let reversed = crate::staff::reverse_in(tx, act, &id, (amount, &reason))?;
            Ok(reversed.map(|row| Reply::created(&TransferView::from(&row)).about(&row.id)))
        })
        .await
}

/// Without an amount it is as large as the transfer. What is not there is not large, and is refused by the verb.
fn is_large(
    tx: &mut Tx<'_>,
    act: &Act,
    (transfer, amount): (&TransferId, Option<i64>),
) -> Result<bool, DbError> {
    let rules = &act.tools.config().approvals;
    let found = tx.transfer(transfer)?.filter(|row| row.kind != TransferKind::Reversal);
    Ok(found.is_some_and(|row| rules.is_large(amount.unwrap_or(row.amount), row.currency)))
}

/// A customer's account by id or number.
fn account(fields: &mut Fields, text: &str) -> Option<Party> {
    if let Ok(id) = text.parse() {
        return Some(Party::Payee(id));
    }
    let wanted = "the id or the number of an account, check digits right";
    let number: AccountNumber = fields.parse("account", text, wanted)?;
    Some(Party::PayeeNumber(number.to_string()))
}
