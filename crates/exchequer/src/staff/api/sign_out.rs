//! Signing others out: a customer, an operator, everybody (ASVS 5.0, 7.4.5). Nobody is kept out by it, so that one
//! operator is enough: whoever is signed out signs in again.

use money::{CustomerId, StaffId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::customers::standing;
use crate::http::{Answer, Code, Nothing, Path, Reply, Route, Routes, Staff};
use crate::sessions;
use crate::sessions::api::forget_ended;
use crate::sessions::model::PrincipalRef;
use crate::staff::members;
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    let ending = |path: &'static str, name, summary| Route::post(path, name, summary).answers(200);
    routes
        .staff(
            Permission::SignOutCustomer,
            ending(
                "/v1/staff/customers/{id}/sign_out",
                "signOutCustomer",
                "Sign a customer out everywhere; they may sign in again",
            )
            .refuses(&[Code::CustomerErased]),
            customer,
        )
        .staff(
            Permission::SignOutMember,
            ending(
                "/v1/staff/members/{id}/sign_out",
                "signOutStaffMember",
                "Sign an operator out everywhere; they may sign in again",
            ),
            member,
        )
        .staff(
            Permission::SignOutEverybody,
            ending(
                "/v1/staff/sessions/end",
                "signOutEverybody",
                "Sign all customers and operators out everywhere, this session aside",
            ),
            everybody,
        )
}

/// What was ended.
#[derive(Serialize, ToSchema)]
pub struct SignedOut {
    /// Sessions that were live, those past a limit that nobody had ended yet included.
    sessions_ended: u64,
}

async fn customer(caller: Staff, Path(id): Path<CustomerId>) -> Answer<SignedOut> {
    let reply = caller
        .once("staff.sign_out_customer", move |tx, act| {
            let ended = standing::sign_out_in(tx, act, &id)?;
            Ok(ended.map(|ended| Reply::ok(&signed_out(ended)).about(&id)))
        })
        .await?;
    forget_ended(&caller, PrincipalRef::Customer(id)).await?;
    Ok(reply)
}

async fn member(caller: Staff, Path(id): Path<StaffId>) -> Answer<SignedOut> {
    let reply = caller
        .once("staff.sign_out_member", move |tx, act| {
            let ended = members::sign_out_in(tx, act, &id)?;
            Ok(ended.map(|ended| Reply::ok(&signed_out(ended)).about(&id)))
        })
        .await?;
    forget_ended(&caller, PrincipalRef::Staff(id)).await?;
    Ok(reply)
}

/// Other nodes feel it within a second, when they ask for the sessions again: telling each of them is work that grows
/// with the bank.
async fn everybody(caller: Staff, _: Nothing) -> Answer<SignedOut> {
    let own = caller.session();
    let reply = caller
        .once("staff.sign_out_everybody", move |tx, act| {
            let rules = act.tools.config().sessions;
            let sessions_ended = sessions::end_everybodys_in(tx, act, &own, &rules)?;
            Ok(Ok(Reply::ok(&SignedOut { sessions_ended })))
        })
        .await;
    caller.bank().sessions().forget_all();
    reply
}

fn signed_out(ended: usize) -> SignedOut {
    SignedOut { sessions_ended: u64::try_from(ended).unwrap_or(u64::MAX) }
}
