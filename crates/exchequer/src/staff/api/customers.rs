//! Who of the customers may come in: locked, unlocked, disabled, enabled.

use money::CustomerId;

use super::audit::{FoundCustomerView, customer_view};
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
            .refuses(&[Code::AlreadyDisabled, Code::AlreadyLocked]),
            lock,
        )
        .staff(
            Permission::UnlockCustomer,
            standing(
                "/v1/staff/customers/{id}/unlock",
                "unlockCustomer",
                "Let a locked customer in again",
            )
            .refuses(&[Code::NotLocked]),
            unlock,
        )
        .staff(
            Permission::DisableCustomer,
            standing(
                "/v1/staff/customers/{id}/disable",
                "disableCustomer",
                "Sign a customer out everywhere and end their access",
            )
            .refuses(&[Code::AlreadyDisabled]),
            disable,
        )
        .staff(
            Permission::EnableCustomer,
            standing(
                "/v1/staff/customers/{id}/enable",
                "enableCustomer",
                "Give a disabled customer their access back",
            )
            .refuses(&[Code::NotDisabled]),
            enable,
        )
}

async fn lock(caller: Staff, Path(id): Path<CustomerId>) -> Answer<FoundCustomerView> {
    change(caller, "staff.lock_customer", id, Change::Lock).await
}

async fn unlock(caller: Staff, Path(id): Path<CustomerId>) -> Answer<FoundCustomerView> {
    change(caller, "staff.unlock_customer", id, Change::Unlock).await
}

async fn disable(caller: Staff, Path(id): Path<CustomerId>) -> Answer<FoundCustomerView> {
    change(caller, "staff.disable_customer", id, Change::Disable).await
}

async fn enable(caller: Staff, Path(id): Path<CustomerId>) -> Answer<FoundCustomerView> {
    change(caller, "staff.enable_customer", id, Change::Enable).await
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
            Ok(changed.map(|customer| Reply::ok(&customer_view(&customer)).about(&customer.id)))
        })
        .await?;
    forget_ended(&caller, PrincipalRef::Customer(id)).await?;
    Ok(reply)
}
