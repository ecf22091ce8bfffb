//! What an operator does to sessions and to the bank's own keys.

use std::sync::Arc;

use exchequer::jobs::Job;
use exchequer::keys::master::Master;
use exchequer::keys::{self, KeyAct};
use exchequer::sandbox::Chaos;
use exchequer::staff::model::Role;
use money::Rng;
use store::rows::Origin;
use testkit::browser::Page;
use testkit::{TestBank, Till};
use tokio::sync::watch;
use vault::Purpose;

use super::{at_console, place};

#[tokio::test]
async fn a_customer_and_an_operator_are_signed_out_and_may_come_back() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let theirs = crate::signed_in(&bank, &asha).await;
    let (other, colleague) = at_console(&bank, Role::Support).await;
    let (admin, _) = at_console(&bank, Role::Admin).await;
    let path = format!("/console/customers/{}", asha.id);
    let page = admin.get(&path).await.expect(200);
    let done = admin.submit(&page.form(&format!("{path}/sign-out")), &[]).await.expect(200);
    assert_eq!(done.path, format!("{path}?done=customer_signed_out"));
    assert_eq!(theirs.visit("/").await.status, 303);
    let _back = crate::signed_in(&bank, &asha).await;

    let page = admin.get("/console/members").await.expect(200);
    let row = page.html.split("<tr>").find(|row| row.contains(&colleague.email));
    let (_, rest) = row.expect("a row").split_once("/console/members/").expect("a form");
    let id = rest.split('/').next().unwrap_or_default();
    let form = page.form(&format!("/console/members/{id}/sign-out"));
    let done = admin.submit(&form, &[]).await.expect(200);
    assert_eq!(done.path, "/console/members?done=member_signed_out");
    assert_eq!(other.visit("/console").await.status, 303);
    let _back = super::signed_in(&bank, &colleague).await;
}

#[tokio::test]
async fn everybody_but_oneself_is_signed_out_once() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let theirs = crate::signed_in(&bank, &asha).await;
    let (admin, _) = at_console(&bank, Role::Admin).await;
    let form = admin.get("/console/system").await.expect(200).form("/console/system/sign-out");
    let done = admin.submit(&form, &[]).await.expect(200);
    assert_eq!(done.path, "/console/system?done=everybody_signed_out");
    assert_eq!(theirs.visit("/").await.status, 303);
    let back = crate::signed_in(&bank, &asha).await;
    // The same form once more is the same act, which has ended nobody since.
    let _again = admin.submit(&form, &[]).await.expect(200);
    assert_eq!(back.visit("/").await.status, 200);
    let (support, _) = at_console(&bank, Role::Support).await;
    let page = support.get("/console/system").await.expect(200);
    assert!(page.forms().iter().all(|form| !form.action.starts_with("/console/system")));
}

#[tokio::test]
async fn the_end_of_a_retired_key_waits_for_a_second_administrator() {
    let bank = TestBank::new().await;
    let (admin, _) = at_console(&bank, Role::Admin).await;
    let ends = |page: &testkit::browser::Page| {
        page.forms().into_iter().filter(|form| form.action.ends_with("/end")).collect::<Vec<_>>()
    };
    assert!(ends(&admin.get("/console/system").await.expect(200)).is_empty(), "none is retired");
    let act = KeyAct {
        master: Arc::new(Master::File(testkit::bank::master_key())),
        rng: Rng::seeded(11),
        now: bank.clock().now(),
        origin: Origin::system("test"),
    };
    let rotated = keys::rotate(bank.bank().db(), &act, Purpose::EventFields).await;
    assert_eq!(rotated.expect("a rotation"), Ok(2));
    bank.advance(keys::SETTLED_SECONDS);
    let page = admin.get("/console/system").await;
    let page = if page.path.starts_with("/console/sign-in") {
        // As long as that takes nobody stays signed in.
        at_console(&bank, Role::Admin).await.0.get("/console/system").await
    } else {
        page
    };
    assert_eq!(ends(&page).len(), 1, "{}", page.html);
    let (maker, _) = at_console(&bank, Role::Admin).await;
    let form = ends(&maker.get("/console/system").await.expect(200)).remove(0);
    assert_eq!(form.action, "/console/system/keys/event_fields-1/end");
    let asked = maker.submit(&form, &[]).await.expect(200);
    let approval = place(&asked).to_owned();
    assert!(approval.starts_with("/console/approvals/apr_"), "{}", asked.path);
    assert!(asked.says("Destroy a data key"), "{}", asked.html);
    let (second, _) = at_console(&bank, Role::Admin).await;
    let approve = second.get(&approval).await.expect(200).form(&format!("{approval}/approve"));
    let _done = second.submit(&approve, &[]).await.expect(200);
    let page = maker.get("/console/system").await.expect(200);
    assert!(ends(&page).is_empty() && page.says("Goes as soon as"), "{}", page.html);
    for wrong in ["event_fields-2", "event_fields-x", "nothing-1"] {
        let token = page.form("/console/sign-out").value("csrf_token").unwrap().to_owned();
        let body = format!("csrf_token={token}&key={wrong}-key");
        let path = format!("/console/system/keys/{wrong}/end");
        let reply = maker.post(&path, &body, &[("sec-fetch-site", "same-origin")]).await;
        assert!((400..500).contains(&reply.status.as_u16()), "{wrong}: {}", reply.status);
    }
}

/// The standing that the page's list of health tells of a part.
fn standing(page: &Page, part: &str) -> String {
    let (_, row) = page.html.split_once(&format!("<th scope=\"row\">{part}</th>")).expect(part);
    let (_, badge) = row.split_once("class=\"badge").expect("a standing");
    let text = badge.split('<').next().unwrap_or_default();
    text.rsplit('>').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_health_of_each_part_is_shown_with_what_to_do() {
    let till = Till::new().await;
    let (browser, _) = at_console(&till.bank, Role::Support).await;
    let page = browser.get("/console/system").await.expect(200);
    let parts = ["Database", "Cache", "Keys", "Gateway test", "Gateway live", "Outbox", "Jobs"];
    for part in parts {
        assert_eq!(standing(&page, part), "Ok", "{part}: {}", page.html);
    }
    // What each was found to be: the database's kind and schema, the cache's kind, versions of keys, the gateway.
    for fact in ["Schema", "Round trip, ms", "version 1, of ", "sandbox", "Personal data"] {
        assert!(page.says(fact), "{fact}: {}", page.html);
    }
    for job in Job::ALL {
        assert!(page.says(job.name()), "{}", job.name());
    }

    till.chaos(Chaos { lose_answer_per_mille: 1_000, asks_too: true, ..Chaos::default() });
    let _lost = till.pay("4242424242424242", "automatic").await.expect(201);
    let (_go, stop) = watch::channel(false);
    till.bank.bank().db().faults().fail_at(Job::SumFigures.name(), 1);
    assert!(Job::SumFigures.run_noted(till.bank.bank(), &stop).await.is_err());
    let _fired = till.bank.bank().db().faults().disarm();
    let page = browser.get("/console/system").await.expect(200);
    assert_ne!(standing(&page, "Gateway test"), "Ok", "{}", page.html);
    assert_ne!(standing(&page, "Jobs"), "Ok", "{}", page.html);
    assert_eq!(standing(&page, "Database"), "Ok");
    assert!(page.says(Job::SumFigures.name()) && page.says("Failed"), "{}", page.html);
    let home = browser.get("/console").await.expect(200);
    let (before, _) = home.html.split_once("Parts of the system to look at").expect("a tile");
    let count = before.rsplit_once("class=\"count\">").expect("a count").1;
    assert_eq!(count.split('<').next(), Some("2"), "{}", home.html);
}
