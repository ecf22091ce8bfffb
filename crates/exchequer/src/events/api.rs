//! `/v1/me/activity`.

use money::EventId;

use super::activity::ActivityView;
use crate::accounts::api::PageQuery;
use crate::http::{Answer, Customer, Page, Query, Reply, Route, Routes};

pub fn routes(routes: Routes) -> Routes {
    routes.customer(
        Route::get("/v1/me/activity", "listActivity", "Own sign-ins and changes, newest first"),
        list,
    )
}

async fn list(caller: Customer, Query(page): Query<PageQuery>) -> Answer<Page<ActivityView>> {
    let (limit, before) = page.read::<EventId>()?;
    let customer = caller.id();
    // One more than is shown tells whether there is a next page.
    let most = limit.saturating_add(1);
    let data = caller
        .read("events.activity", move |tx| {
            Ok(super::activity_of(tx, &customer, before.as_ref(), most)?)
        })
        .await?;
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.id.clone())))
}
