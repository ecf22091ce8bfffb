//! A bank in which every form of every page is to be found: one of each thing, with a browser for each kind of person.

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use serde_json::json;
use testkit::browser::Page;
use testkit::{Browser, Person, Till};
use tokio::sync::watch;

use crate::console::at_console;

pub struct World {
    _till: Till,
    pub payee_number: String,
    /// What stands for `{…}` in a path that begins so.
    ids: Vec<(&'static str, String)>,
    pub nobody: Browser,
    /// Who has one of everything.
    pub customer: Browser,
    /// Who has no account yet.
    newcomer: Browser,
    /// By what they may do: all forms of the console are theirs together.
    pub operators: Vec<Browser>,
}

impl World {
    pub async fn new() -> Self {
        let till = Till::with_its_clock().await;
        let bank = &till.bank;
        let mut asha = bank.customer("Asha Rao").await;
        let account = bank.account(&asha, "INR").await;
        let ravi = bank.customer("Ravi Kumar").await;
        let other = bank.account(&ravi, "INR").await;
        let payee_number = ravi.client.get(&format!("/v1/accounts/{other}")).await.text("/number");
        let teller = bank.operator(Role::Teller).await;
        bank.deposit(&teller, &account, 100_000_000, "INR").await;
        let order = json!({ "from": account, "to": other, "amount": 5, "currency": "INR" });
        let transfer = asha.client.post("/v1/transfers", &order).await.expect(201).text("/id");
        let payee = json!({ "account": payee_number, "name": "Ravi Kumar" });
        let payee = asha.client.post("/v1/beneficiaries", &payee).await.expect(201).text("/id");
        let payment = till.pay("4242424242424242", "automatic").await.expect(201).text("/id");
        let hook = json!({ "url": "https://example.com/hooks" });
        let hook = till.shop.post("/v1/webhook_endpoints", &hook).await.expect(201).text("/id");
        let _stray = till.charge_behind_the_bank(12_300).await;
        bank.advance(86_400 + 3_600);
        let (_go, stop) = watch::channel(false);
        let _rows = Job::Reconcile.run(bank.bank(), &stop).await.expect("the reports are read");
        let approval = waiting(&till, &ravi.id).await;
        bank.sign_in(&mut asha).await;
        let _codes = bank.enrol_totp(&mut asha).await;
        let factor = asha.client.get("/v1/factors").await.text("/data/0/id");
        let ids = vec![
            ("/accounts", account.clone()),
            ("/transfers", transfer.clone()),
            ("/payees", payee),
            ("/security/factors", factor),
            ("/console/customers", asha.id.clone()),
            ("/console/accounts", account.clone()),
            ("/console/transfers", transfer),
            ("/console/payments", payment),
            ("/console/approvals", approval),
            ("/console/merchants", till.shop.id.clone()),
            ("{endpoint}", hook),
            ("{key}", till.shop.key_id.clone()),
        ];
        let mut operators = Vec::new();
        for role in [Role::Compliance, Role::Compliance, Role::Admin, Role::Teller] {
            operators.push(at_console(bank, role).await.0);
        }
        let customer = signed_in_with_code(&till, &asha).await;
        let nobody = Browser::new(bank.client());
        let newcomer = crate::signed_in(bank, &bank.customer("Mei Lin").await).await;
        Self { _till: till, payee_number, ids, nobody, customer, newcomer, operators }
    }

    pub fn everybody(&self) -> impl Iterator<Item = &Browser> {
        [&self.nobody, &self.customer, &self.newcomer].into_iter().chain(&self.operators)
    }

    /// A path with `{…}` filled by what is there.
    pub fn real(&self, path: &str) -> String {
        let id = self.ids.iter().filter(|(begin, _)| path.starts_with(begin));
        let id = id.max_by_key(|(begin, _)| begin.len()).map_or("", |(_, id)| id);
        let named = |name: &str| self.ids.iter().find(|(begin, _)| *begin == name);
        let (endpoint, key) = (named("{endpoint}"), named("{key}"));
        path.replace("{id}", id)
            .replace("{endpoint}", endpoint.map_or("", |(_, id)| id))
            .replace("{key}", key.map_or("", |(_, id)| id))
            .replace("{currency}", "INR")
            .replace("{name}", "x.css")
    }

    /// The browser in whose page this form is to be found, and that page.
    pub async fn with_form(&self, at: &str, action: &str) -> (&Browser, Page) {
        let at = self.real(at);
        for browser in self.everybody() {
            let page = browser.get(&at).await;
            if page.forms().iter().any(|form| form.action == action) {
                return (browser, page);
            }
        }
        panic!("nobody finds a form to {action} at {at}");
    }
}

/// A customer who is to be let in again, which two have to want.
async fn waiting(till: &Till, customer: &str) -> String {
    let officer = till.bank.operator(Role::Compliance).await;
    let path = format!("/v1/staff/customers/{customer}");
    let _locked = officer.client.post(&format!("{path}/lock"), &json!({})).await.expect(200);
    let asked = officer.client.post(&format!("{path}/unlock"), &json!({})).await.expect(202);
    asked.text("/approval/id")
}

async fn signed_in_with_code(till: &Till, person: &Person) -> Browser {
    let browser = Browser::new(till.bank.client());
    let form = browser.get("/sign-in").await.form("/sign-in");
    let filled = [("email", &*person.email), ("password", &*person.password)];
    let page = browser.submit(&form, &filled).await.expect(200);
    till.bank.advance(60);
    let code = till.bank.totp_code(person);
    let answer = [("answer_with", "answer:totp"), ("code_totp", &*code)];
    let page = browser.submit(&page.form("/sign-in/second"), &answer).await.expect(200);
    assert_eq!(page.path, "/", "{}", page.html);
    browser
}
