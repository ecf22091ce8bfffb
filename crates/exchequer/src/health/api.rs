//! `/v1/staff/health`.

use serde::Serialize;
use utoipa::ToSchema;

use super::look::look;
use super::model::{Check, HealthCheck, State};
use crate::http::{Answer, Nothing, Reply, Route, Routes, Staff};
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    routes.staff(
        Permission::ReadSystem,
        Route::get(
            "/v1/staff/health",
            "getBankHealth",
            "How everything does that the bank stands on, with advice",
        ),
        get,
    )
}

/// How everything does.
#[derive(Serialize, ToSchema)]
pub struct BankHealth {
    /// The worst of all: `ok`, `degraded` or `down`.
    state: &'static str,
    checks: Vec<HealthCheck>,
}

async fn get(caller: Staff, _: Nothing) -> Answer<BankHealth> {
    let checks = look(caller.bank()).await.checks;
    let state = checks.iter().map(|check| check.state).max().unwrap_or(State::Ok);
    let checks = checks.into_iter().map(Check::view).collect();
    Ok(Reply::ok(&BankHealth { state: state.as_str(), checks }))
}
