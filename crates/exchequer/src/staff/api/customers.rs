//! Who of the customers may come in: locked, unlocked, disabled, enabled.

use money::CustomerId;

use super::people::{FoundCustomerView, customer_view};
use crate::approvals;
use crate::approvals::api::ask;
use crate::approvals::deed::{Deed, Whom};
use crate::customers::standing::{self, Change};
use crate::http::{Answer, Code, Path, Reply, Route, Routes, Staff};
use crate::sessions::api::forget_ended;
use crate::sessions::model::PrincipalRef;
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    let standing =
        |action: &'static str, name, summary| Route::post(action, name, summary).answers(200);
    routes
        .staff(
            Permission::LockCustomer,
            standing(
                "/v1/staff/customers/{id}/lock",
                "lockCustomer",
                "Sign a customer out everywhere and keep them out for a while",
            )
            .refuses(&[
                Code::CustomerErased,
                Code::AlreadyDisabled,
                Code::AlreadyLocked,
            ]),
            lock,
        )
        .staff(
            Permission::UnlockCustomer,
            standing(
                "/v1/staff/customers/{id}/unlock",
                "unlockCustomer",
                "Let a locked customer in again",
            )
            .refuses(&[Code::CustomerErased, Code::NotLocked])
            .may_wait(),
            unlock,
        )
        .staff(
            Permission::DisableCustomer,
            standing(
                "/v1/staff/customers/{id}/disable",
                "disableCustomer",
                "Sign a customer out everywhere and end their access",
            )
            .refuses(&[Code::CustomerErased, Code::AlreadyDisabled]),
            disable,
        )
        .staff(
            Permission::EnableCustomer,
            standing(
                "/v1/staff/customers/{id}/enable",
                "enableCustomer",
                "Give a disabled customer their access back",
            )
            .refuses(&[Code::CustomerErased, Code::NotDisabled])
            .may_wait(),
            enable,
        )
}

async fn lock(caller: Staff, Path(id): Path<CustomerId>) -> Answer<FoundCustomerView> {
    change(caller, "staff.lock_customer", id, Change::Lock).await
}

async fn unlock(caller: Staff, Path(id): Path<CustomerId>) -> Answer<FoundCustomerView> {
    let deed = Deed::UnlockCustomer(Whom { id: id.to_string() });
    let_in(caller, ("staff.unlock_customer", deed), id, Change::Unlock).await
}

async fn disable(caller: Staff, Path(id): Path<CustomerId>) -> Answer<FoundCustomerView> {
    change(caller, "staff.disable_customer", id, Change::Disable).await
}

async fn enable(caller: Staff, Path(id): Path<CustomerId>) -> Answer<FoundCustomerView> {
    let deed = Deed::EnableCustomer(Whom { id: id.to_string() });
    let_in(caller, ("staff.enable_customer", deed), id, Change::Enable).await
}

/// To keep somebody out takes one operator, to let them in two.
async fn let_in(
    caller: Staff,
    (name, deed): (&'static str, Deed),
    id: CustomerId,
    wanted: Change,
) -> Answer<FoundCustomerView> {
    if !caller.bank().config().approvals.are_required {
        return change(caller, name, id, wanted).await;
    }
    caller
        .once(name, move |tx, act| match standing::check_in(tx, act, &id, wanted)? {
            Ok(_) => ask(tx, act, deed.clone()),
            Err(problem) => Ok(Err(problem)),
        })
        .await
}

async fn change(
    caller: Staff,
    name: &'static str,
    id: CustomerId,
    change: Change,
) -> Answer<FoundCustomerView> {
    let reply = caller
        .once(name, move |tx, act| {
            let changed = standing::change_in(tx, act, &id, change)?;
            // What was asked for about a lock must not lift a later one.
            if change == Change::Disable && changed.is_ok() {
                let unlock = Deed::UnlockCustomer(Whom { id: id.to_string() });
                approvals::supersede_in(tx, act, &unlock, "disabled meanwhile")?;
            }
            Ok(changed.map(|customer| Reply::ok(&customer_view(&customer)).about(&customer.id)))
        })
        .await?;
    forget_ended(&caller, PrincipalRef::Customer(id)).await?;
    Ok(reply)
}
