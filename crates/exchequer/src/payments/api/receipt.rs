//! `/v1/payments/{id}/receipt`.

use money::PaymentId;

use super::super::receipt;
use crate::evidence::payment::PaymentReceipt;
use crate::http::{Answer, Code, Merchant, Path, Reply, Route, Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.merchant(
        Route::get(
            "/v1/payments/{id}/receipt",
            "getPaymentReceipt",
            "A payment as it stands, signed for by the bank",
        )
        .refuses(&[Code::ReceiptTooLong, Code::ReceiptNotReady]),
        get,
    )
}

async fn get(caller: Merchant, Path(id): Path<PaymentId>) -> Answer<PaymentReceipt> {
    let (of, tools) = ((caller.id(), caller.mode()), caller.bank().tools().clone());
    let now = tools.now();
    let found = caller
        .read("payments.receipt", move |tx| {
            Ok(receipt::receipt(tx, &tools, (&of.0, of.1), (&id, now))?)
        })
        .await?;
    Ok(Reply::ok(&found?))
}
