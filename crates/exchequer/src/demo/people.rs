//! Who lives in a demo bank, and how they are introduced.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::staff::model::Role;

/// Everybody, with what they sign in with. Kept in the demo's folder and printed: published, no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    pub customers: Vec<DemoCustomer>,
    pub staff: Vec<DemoOperator>,
    /// A demo of an older version has none.
    #[serde(default)]
    pub merchants: Vec<DemoMerchant>,
}

/// A merchant, in test mode, and what it signs requests with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoMerchant {
    pub id: String,
    pub name: String,
    pub key_id: String,
    pub secret: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoCustomer {
    pub email: String,
    pub password: String,
    pub full_name: String,
    pub accounts: Vec<DemoAccount>,
    /// Base 32; only the last customer has an authenticator, so that the others sign in in one step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp_secret: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoAccount {
    pub id: String,
    pub number: String,
    pub name: String,
    pub currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoOperator {
    pub email: String,
    pub password: String,
    pub role: String,
    pub totp_secret: String,
}

impl People {
    /// Everybody with an authenticator: e-mail and secret.
    pub fn authenticators(&self) -> impl Iterator<Item = (&str, &str)> {
        let customers = self.customers.iter();
        let customers = customers.filter_map(|c| Some((&*c.email, c.totp_secret.as_deref()?)));
        customers.chain(self.staff.iter().map(|o| (&*o.email, &*o.totp_secret)))
    }
}

/// Where somebody's secret stands in the demo's folder: `teller.totp`.
pub fn totp_file(email: &str) -> String {
    let (name, _) = email.split_once('@').unwrap_or((email, ""));
    format!("{name}.totp")
}

/// A customer to be made.
pub(super) struct CustomerPlan {
    pub email: &'static str,
    pub password: &'static str,
    pub full_name: &'static str,
    pub accounts: &'static [AccountPlan],
}

/// An account to be opened.
pub(super) struct AccountPlan {
    pub name: &'static str,
    pub currency: &'static str,
    /// The opening deposit, minor units.
    pub deposit: i64,
}

/// A transfer to be sent: `[customer, account]` by position.
pub(super) struct TransferPlan {
    pub from: [usize; 2],
    pub to: [usize; 2],
    /// Minor units.
    pub amount: i64,
    pub memo: &'static str,
}

/// An operator to be made.
pub(super) struct OperatorPlan {
    pub email: &'static str,
    pub password: &'static str,
    pub role: Role,
}

pub(super) const CUSTOMERS: [CustomerPlan; 3] = [
    CustomerPlan {
        email: "asha@example.test",
        password: "copper lantern 41 over the ferry",
        full_name: "Asha Rao",
        accounts: &[
            AccountPlan { name: "Everyday", currency: "INR", deposit: 5_000_000 },
            AccountPlan { name: "Savings", currency: "INR", deposit: 25_000_000 },
        ],
    },
    CustomerPlan {
        email: "mateo@example.test",
        password: "seven quiet trams before 6 o'clock",
        full_name: "Mateo Silva",
        accounts: &[
            AccountPlan { name: "Everyday", currency: "INR", deposit: 1_200_000 },
            AccountPlan { name: "Travel", currency: "EUR", deposit: 300_000 },
        ],
    },
    CustomerPlan {
        email: "ines@example.test",
        password: "paper boats 88 on grey water",
        full_name: "Ines Keller",
        accounts: &[
            AccountPlan { name: "Everyday", currency: "INR", deposit: 800_000 },
            AccountPlan { name: "Osaka", currency: "JPY", deposit: 120_000 },
        ],
    },
];

pub(super) const TRANSFERS: [TransferPlan; 3] = [
    TransferPlan { from: [0, 0], to: [1, 0], amount: 125_000, memo: "Rent, my half" },
    TransferPlan { from: [1, 0], to: [2, 0], amount: 40_000, memo: "Concert" },
    TransferPlan { from: [0, 0], to: [0, 1], amount: 500_000, memo: "Put aside" },
];

pub(super) const OPERATORS: [OperatorPlan; 7] = [
    OperatorPlan {
        email: "teller@example.test",
        password: "brass counter 17 under the clock",
        role: Role::Teller,
    },
    OperatorPlan {
        email: "support@example.test",
        password: "velvet headset 52 near the window",
        role: Role::Support,
    },
    OperatorPlan {
        email: "auditor@example.test",
        password: "wooden stamp 29 beside the ink",
        role: Role::Compliance,
    },
    OperatorPlan {
        email: "admin@example.test",
        password: "green ledger 63 behind the door",
        role: Role::Admin,
    },
    // Reads what the office reads, and changes nothing.
    OperatorPlan {
        email: "inspector@example.test",
        password: "linen folder 46 along the canal",
        role: Role::Auditor,
    },
    // Whoever approves what one of these two asked for: it takes somebody else of their role.
    OperatorPlan {
        email: "reviewer@example.test",
        password: "silver lens 74 above the shelf",
        role: Role::Compliance,
    },
    OperatorPlan {
        email: "deputy@example.test",
        password: "marble stairs 38 beyond the gate",
        role: Role::Admin,
    },
];

/// What a person who starts a demo reads.
pub(super) fn greeting(
    url: &str,
    people: &People,
    (folder, sandbox_url): (&Path, &str),
    is_new: bool,
) -> String {
    let shown = folder.display();
    // A passkey is made for a name, so a browser takes none at an address of numbers.
    let pages = url.replace("//127.0.0.1:", "//localhost:");
    let made = if is_new { "just made" } else { "started again, as it was left" };
    let mut lines = vec![format!(
        "An Exchequer demo bank in {shown} ({made})\n\n  \
         bank       {pages}/\n  \
         console    {pages}/console\n  \
         API        {url}/v1\n  \
         reference  {url}/docs\n  \
         inbox      {url}/demo/inbox\n  \
         sandbox    {sandbox_url} (card gateway; takes test cards such as 4242424242424242)\n\n\
         Customers: in the browser, or POST /v1/auth/login, with\n"
    )];
    for DemoCustomer { email, password, accounts, totp_secret, .. } in &people.customers {
        lines.push(format!("  {email:<21} {password}\n"));
        if totp_secret.is_some() {
            lines.push(code_line(folder, email));
        }
        for DemoAccount { id, number, name, currency } in accounts {
            lines.push(format!("      {currency}  {number}  {id}  {name}\n"));
        }
    }
    lines.push("\nOperators: at /console, or POST /v1/staff/login, with\n".to_owned());
    for operator in &people.staff {
        let DemoOperator { email, password, role, .. } = operator;
        lines.push(format!("  {email:<21} {password}  ({role})\n"));
        lines.push(code_line(folder, email));
    }
    if !people.merchants.is_empty() {
        lines.push("\nMerchants: signed requests, as in the README's tour, with\n".to_owned());
    }
    for DemoMerchant { id, name, key_id, secret } in &people.merchants {
        lines.push(format!("  {name} {id}\n      key     {key_id}\n      secret  {secret}\n"));
    }
    lines.push(format!(
        "\nThe README's tour goes on from here. Ctrl-C stops the bank, the same command starts it \
         again,\nand `exchequer verify --data {shown}` replays its books.\n\n"
    ));
    lines.concat()
}

fn code_line(folder: &Path, email: &str) -> String {
    let file = folder.join(totp_file(email));
    format!("      code: exchequer totp --secret-file {}\n", file.display())
}
