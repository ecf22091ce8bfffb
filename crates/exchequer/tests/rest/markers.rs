//! Texts that stand nowhere else, written through the API by everybody who can write one.

use exchequer::staff::model::Role;
use serde_json::json;
use testkit::{Shop, TestBank};

/// What is sealed in its column, on every database.
pub const SEALED: [&str; 7] = [
    "wilhelmina.quagga@example.test",
    "Wilhelmina Unmistakable",
    "+919876501234",
    "QZXPE4321K",
    "Landlord Zygodactyl",
    "4242424242424242",
    "otto.xylograph@example.test",
];

/// What is not sealed, because it is searched, shown in lists or the merchant's own: an encrypted file or volume keeps it.
pub const OPEN: [&str; 5] = [
    "memo-of-rhadamanthine-rent",
    "Savings for Ytterbium",
    "customer-perspicacious",
    "reference-of-vexillology",
    "hold-memo-syzygy",
];

/// Writes them all.
pub async fn write(bank: &TestBank) {
    let teller = bank.operator(Role::Teller).await;
    let admin = bank.operator(Role::Admin).await;
    let body = json!({
        "email": SEALED[0], "password": "a long enough passphrase", "full_name": SEALED[1],
        "phone": SEALED[2], "government_id": SEALED[3]
    });
    let made = bank.client().post("/v1/customers", &body).await.expect(201);
    let mut asha = bank.customer("Asha").await;
    asha.id = made.text("/id");
    SEALED[0].clone_into(&mut asha.email);
    "a long enough passphrase".clone_into(&mut asha.password);
    bank.sign_in(&mut asha).await;
    let bela = bank.customer("Otto").await;
    let account = json!({ "currency": "INR", "name": OPEN[1] });
    let from = asha.client.post("/v1/accounts", &account).await.expect(201).text("/id");
    let to = bank.account(&bela, "INR").await;
    let deposit = json!({
        "account": from, "amount": 10_000, "currency": "INR", "reference": OPEN[3]
    });
    let _deposited = teller.client.post("/v1/staff/deposits", &deposit).await.expect(201);
    let payee = json!({ "account": to, "name": SEALED[4] });
    let _payee = asha.client.post("/v1/beneficiaries", &payee).await.expect(201);
    let order = json!({
        "from": from, "to": to, "amount": 1_250, "currency": "INR", "memo": OPEN[0]
    });
    let _sent = asha.client.post("/v1/transfers", &order).await.expect(201);
    // Refusals are kept as bytes of an answer, which can repeat what was sent.
    let broken = json!({ "email": SEALED[6], "password": "short", "full_name": SEALED[1] });
    let refused = bank.client().post("/v1/customers", &broken).await;
    assert!(refused.status.is_client_error(), "{:?}", refused.status);
    let shop = Shop::new(bank, &admin, "test").await;
    let card = json!({
        "number": SEALED[5], "exp_month": 12, "exp_year": 2030, "customer": OPEN[2]
    });
    let _kept = shop.post("/v1/cards", &card).await.expect(201);
    let hold = json!({
        "from": from, "to": to, "amount": 10, "currency": "INR", "memo": OPEN[4]
    });
    let _held = asha.client.post("/v1/holds", &hold).await.expect(201);
}
