//! Many transfers at once: posted as a list in one transaction, with one result for each.

use ::store::posting::{self, PostOrder, Posted, check};
use ::store::{DbError, Tx};
use serde::Serialize;
use utoipa::ToSchema;

use super::guarded::post_allowed;
use super::model::TransferView;
use crate::bank::Act;
use crate::http::problem::ProblemBody;
use crate::http::{Answer, Problem, Reply};
use crate::protections::guard::{self, Guard};
use crate::stepup::Asker;

/// One result per transfer, in order.
#[derive(Serialize, ToSchema)]
pub struct BatchResults {
    pub results: Vec<BatchResult>,
}

/// A transfer, or the problem it met.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchResult {
    Transfer(TransferView),
    #[schema(value_type = ProblemBody)]
    Problem(Box<serde_json::value::RawValue>),
}

/// Posts a list that nothing is asked about.
pub(super) fn post_plain(
    tx: &mut Tx<'_>,
    act: &Act,
    orders: &[PostOrder],
) -> Result<Reply<BatchResults>, DbError> {
    let posted = posting::post(tx, orders, act.now, &|order, refusal| {
        let problem = Problem::from(refusal);
        Ok(posting::Answer { status: problem.code.status(), body: problem.body(&order.request) })
    })?;
    let results = posted.into_iter().map(result).collect::<Result<_, _>>()?;
    Ok(Reply::ok(&BatchResults { results }))
}

/// Posts what the guard lets through of a list. Refuses `step_up_required`, for all of it.
pub(super) fn post_guarded(
    tx: &mut Tx<'_>,
    act: &Act,
    asker: &Asker,
    (orders, proof): (&[PostOrder], Option<&str>),
) -> Result<Answer<BatchResults>, DbError> {
    let guard = Guard { asker, rules: &act.tools.config().step_up, proof };
    let judged = match guard::judge_in(tx, act, &guard, "transfer.batch", orders)? {
        Ok(judged) => judged,
        Err(problem) => return Ok(Err(problem)),
    };
    let (mut allowed, mut refused) = (Vec::new(), Vec::new());
    for (order, verdict) in orders.iter().zip(&judged.verdicts) {
        match verdict {
            Ok(_) => allowed.push(order.clone()),
            Err(why) => refused.push((order, why.code().as_str())),
        }
    }
    check::record_refusals(tx, &refused, act.now)?;
    let rows = if allowed.is_empty() { Vec::new() } else { post_allowed(tx, act, &allowed)? };
    let ids: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    guard::paid_in(tx, act, &guard, (orders, &judged), &ids)?;
    let mut rows = rows.iter();
    let results = judged
        .verdicts
        .iter()
        .map(|verdict| match verdict {
            Ok(_) => rows.next().map(|row| BatchResult::Transfer(row.into())).ok_or_else(missing),
            Err(why) => problem(why.problem().body(&act.request)),
        })
        .collect::<Result<_, _>>()?;
    Ok(Ok(Reply::ok(&BatchResults { results })))
}

fn result(posted: Posted) -> Result<BatchResult, DbError> {
    match posted {
        Posted::Done(row) => Ok(BatchResult::Transfer(TransferView::from(&row))),
        Posted::Refused(_, answer) => problem(answer.body),
        Posted::Replayed(_) | Posted::KeyReused => {
            Err(DbError::Corrupt("an order without key was replayed".to_owned()))
        }
    }
}

fn problem(body: Vec<u8>) -> Result<BatchResult, DbError> {
    String::from_utf8(body)
        .ok()
        .and_then(|text| serde_json::value::RawValue::from_string(text).ok())
        .map(BatchResult::Problem)
        .ok_or_else(|| DbError::Corrupt("a problem that is not JSON".to_owned()))
}

fn missing() -> DbError {
    DbError::Corrupt("fewer transfers were posted than were let through".to_owned())
}
