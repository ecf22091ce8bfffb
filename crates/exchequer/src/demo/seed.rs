//! The first people and the first money of a demo bank, in one transaction.

use money::{Amount, Currency, CustomerId, StaffId};
use store::posting::{self, Party, PostOrder, Posted};
use store::rows::{Origin, TransferKind};
use store::{DbError, Tx};

use super::people::{
    CUSTOMERS, CustomerPlan, DemoAccount, DemoCustomer, DemoMerchant, DemoOperator, OPERATORS,
    People, TRANSFERS,
};
use crate::accounts::{self, model::AccountRow};
use crate::approvals::{
    self,
    deed::{Cash, Deed},
};
use crate::bank::{self, Act, Bank};
use crate::cli::Failure;
use crate::customers::{self, Registration};
use crate::http::Problem;
use crate::merchants::keys::Mode;
use crate::merchants::model::Fees;
use crate::merchants::{self, NewKey, Terms};
use crate::staff::model::Role;
use crate::{confirmations, factors, staff};

/// Seeds an empty bank; gives everybody with their sign-ins.
pub async fn seed(bank: &Bank) -> Result<People, Failure> {
    let mut hashes = Vec::new();
    for plan in &CUSTOMERS {
        let context = vec![plan.email.to_owned(), plan.full_name.to_owned()];
        hashes.push(hash(bank, plan.password, context).await?);
    }
    let mut operator_hashes = Vec::new();
    for plan in &OPERATORS {
        operator_hashes.push(hash(bank, plan.password, vec![plan.email.to_owned()]).await?);
    }
    let act = bank.system_act("exchequer demo");
    let people = bank
        .db()
        .write("demo.seed", move |tx| {
            let customers = customers_in(tx, &act, &hashes)?;
            let staff = staff_in(tx, &act, &operator_hashes)?;
            let merchants = vec![merchant_in(tx, &act)?];
            let is_teller =
                |(_, operator): &&(StaffId, DemoOperator)| operator.role == Role::Teller.as_str();
            let teller = staff.iter().find(is_teller).map(|(id, _)| *id);
            waiting_in(tx, &act, (teller.ok_or_else(|| unexpected("a teller"))?, &customers))?;
            let staff = staff.into_iter().map(|(_, operator)| operator).collect();
            Ok::<_, DbError>(People { customers, staff, merchants })
        })
        .await?;
    Ok(people)
}

async fn hash(bank: &Bank, password: &str, context: Vec<String>) -> Result<String, Failure> {
    let chosen = bank.hashing().choose(password.to_owned(), context).await?;
    chosen.map_err(|refusal| Failure::Said(format!("a demo password: {refusal}")))
}

fn customers_in(
    tx: &mut Tx<'_>,
    act: &Act,
    hashes: &[String],
) -> Result<Vec<DemoCustomer>, DbError> {
    let mut opened: Vec<(CustomerId, Vec<AccountRow>)> = Vec::new();
    let mut orders = Vec::new();
    for (plan, hash) in CUSTOMERS.iter().zip(hashes) {
        let id = register(tx, act, plan, hash)?;
        let mut rows = Vec::new();
        for account in plan.accounts {
            let currency = currency(account.currency)?;
            accounts::ensure_cash(tx, act, currency)?;
            let row = accounts::open(tx, act, &id, (currency, account.name))?
                .map_err(|problem| refused(&problem))?;
            let cash = Party::Bank(bank::cash_account(currency));
            let to = Party::Payee(row.account.id);
            let deposit = (TransferKind::Deposit, "Opening deposit");
            orders.push(order(act, deposit, (cash, to), (account.deposit, currency))?);
            rows.push(row);
        }
        opened.push((id, rows));
    }
    for plan in &TRANSFERS {
        let (owner, from) = find(&opened, plan.from)?;
        let (_, to) = find(&opened, plan.to)?;
        let parties = (Party::Own { owner, account: from.account.id }, Party::Payee(to.account.id));
        let what = (TransferKind::Transfer, plan.memo);
        orders.push(order(act, what, parties, (plan.amount, from.account.currency))?);
    }
    post(tx, act, &orders)?;
    let last = opened.last().map(|(id, _)| *id).ok_or_else(|| unexpected("a customer"))?;
    let secret = factors::grant_totp_in(tx, act, &last, "Authenticator")?;
    let described =
        |(plan, (id, rows)): (&CustomerPlan, &(CustomerId, Vec<AccountRow>))| DemoCustomer {
            email: plan.email.to_owned(),
            password: plan.password.to_owned(),
            full_name: plan.full_name.to_owned(),
            accounts: rows.iter().map(described_account).collect(),
            totp_secret: (*id == last).then(|| secret.expose().to_owned()),
        };
    Ok(CUSTOMERS.iter().zip(&opened).map(described).collect())
}

/// A deposit that waits for a second operator, so that there is something to decide.
fn waiting_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (teller, customers): (StaffId, &[DemoCustomer]),
) -> Result<(), DbError> {
    if !act.tools.config().approvals.are_required {
        return Ok(());
    }
    let account = customers.iter().flat_map(|customer| &customer.accounts).next();
    let account = account.ok_or_else(|| unexpected("an account"))?;
    let agent = "exchequer demo".to_owned();
    let origin = Origin::new("staff", Some(*teller.bytes()), None, String::new(), agent);
    let act = Act { origin, ..act.clone() };
    let cash = Cash {
        account: account.id.clone(),
        amount: WAITING,
        currency: account.currency.clone(),
        reference: "Sale of a house, counted twice".to_owned(),
    };
    let asked = approvals::ask_in(tx, &act, Deed::Deposit(cash), None)?;
    asked.map(|_waiting| ()).map_err(|problem| refused(&problem))
}

/// Twelve lakh rupees.
const WAITING: i64 = 120_000_000;

fn staff_in(
    tx: &mut Tx<'_>,
    act: &Act,
    hashes: &[String],
) -> Result<Vec<(StaffId, DemoOperator)>, DbError> {
    let mut staff = Vec::new();
    for (plan, hash) in OPERATORS.iter().zip(hashes) {
        let email = plan.email.parse().map_err(|_| unexpected(plan.email))?;
        let made = staff::create_in(tx, act, &email, plan.role, hash)?;
        let (id, secret) = made.ok_or_else(|| unexpected(plan.email))?;
        let operator = DemoOperator {
            email: plan.email.to_owned(),
            password: plan.password.to_owned(),
            role: plan.role.as_str().to_owned(),
            totp_secret: secret.expose().to_owned(),
        };
        staff.push((id, operator));
    }
    Ok(staff)
}

/// A shop with a key for test mode, whose payments the sandbox gateway takes.
fn merchant_in(tx: &mut Tx<'_>, act: &Act) -> Result<DemoMerchant, DbError> {
    let fees = Fees { basis_points: 200, fixed: 30 };
    let terms = Terms { name: MERCHANT.to_owned(), settlement: None, fees, refund_limit: None };
    let row = merchants::create_in(tx, act, &terms)?.map_err(|problem| refused(&problem))?;
    let key = NewKey {
        mode: Mode::Test,
        name: "demo".to_owned(),
        public: None,
        routes: Vec::new(),
        addresses: Vec::new(),
        expires_at: None,
    };
    let made =
        merchants::make_key_in(tx, act, &row.id, &key)?.map_err(|problem| refused(&problem))?;
    let secret = made.secret.ok_or_else(|| unexpected("a secret"))?;
    Ok(DemoMerchant {
        id: row.id.to_string(),
        name: row.name,
        key_id: made.row.id.to_string(),
        secret: secret.expose().to_owned(),
    })
}

/// The demo's shop.
const MERCHANT: &str = "Otter Books";

fn register(
    tx: &mut Tx<'_>,
    act: &Act,
    plan: &CustomerPlan,
    hash: &str,
) -> Result<CustomerId, DbError> {
    let wanted = Registration {
        email: plan.email.parse().map_err(|_| unexpected(plan.email))?,
        full_name: plan.full_name.to_owned(),
        phone: None,
        government_id: None,
    };
    let registered = customers::register_in(tx, act, &wanted, hash)?;
    if !registered.is_new {
        return Err(unexpected(plan.email));
    }
    // Their mail is the demo's inbox, which anybody reads.
    confirmations::prove_in(tx, act, &registered.id, "demo")?;
    Ok(registered.id)
}

fn order(
    act: &Act,
    (kind, memo): (TransferKind, &str),
    (debit, credit): (Party, Party),
    (amount, currency): (i64, Currency),
) -> Result<PostOrder, DbError> {
    Ok(PostOrder {
        id: act.id(),
        kind,
        debit,
        credit,
        amount: Amount::new(amount).map_err(|_| unexpected(memo))?,
        currency,
        memo: Some(memo.to_owned()),
        reference: None,
        key: None,
        linked_with_next: false,
        origin: act.origin.clone(),
        request: act.request,
    })
}

fn post(tx: &mut Tx<'_>, act: &Act, orders: &[PostOrder]) -> Result<(), DbError> {
    let posted = posting::post(tx, orders, act.now, &|_, refusal| {
        Err(DbError::Corrupt(format!("the demo's plan: {}", refusal.code())))
    })?;
    for outcome in posted {
        match outcome {
            Posted::Done(_) => {}
            Posted::Refused(..) | Posted::Replayed(_) | Posted::KeyReused => {
                return Err(unexpected("a transfer"));
            }
        }
    }
    Ok(())
}

fn find(
    opened: &[(CustomerId, Vec<AccountRow>)],
    [customer, account]: [usize; 2],
) -> Result<(CustomerId, &AccountRow), DbError> {
    opened
        .get(customer)
        .and_then(|(id, rows)| Some((*id, rows.get(account)?)))
        .ok_or_else(|| unexpected("an account"))
}

fn described_account(row: &AccountRow) -> DemoAccount {
    DemoAccount {
        id: row.account.id.to_string(),
        number: row.number.clone(),
        name: row.name.clone(),
        currency: row.account.currency.code().to_owned(),
    }
}

fn currency(code: &str) -> Result<Currency, DbError> {
    Currency::from_code(code).map_err(|_| unexpected(code))
}

fn refused(problem: &Problem) -> DbError {
    DbError::Corrupt(format!("the demo's plan: {}", problem.code.as_str()))
}

/// The plan is a constant and its bank is new: what it says exists once.
fn unexpected(what: &str) -> DbError {
    DbError::Corrupt(format!("the demo's plan does not fit its bank: {what}"))
}
