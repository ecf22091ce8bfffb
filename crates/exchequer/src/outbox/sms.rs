//! Text messages: one form, posted to a gateway with the interface of Twilio's Messages resource.
//!
//! `POST {url}/2010-04-01/Accounts/{account}/Messages.json` with `To`, `From` and `Body`, authenticated by
//! account and token. No redirect is followed (it would carry the code elsewhere), no proxy of the
//! environment used, no plain HTTP but to this machine. The answer's body is not read.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use vault::SecretString;

use super::model::{MAX_SMS_CHARS, Tried, plain_lines};
use crate::config::SmsGateway;

pub(super) struct Texter {
    client: Client,
    url: String,
    account: String,
    token: Arc<SecretString>,
    from: String,
}

impl Texter {
    /// `limit` is for one try, from the connection to the answer.
    pub(super) fn new(gateway: &SmsGateway, limit: Duration) -> Result<Self, String> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            // A gateway on this machine may be plain; the configuration has seen to the rest.
            .https_only(gateway.url.starts_with("https://"))
            .timeout(limit)
            .build()
            .map_err(|error| format!("the client cannot be made: {error}"))?;
        Ok(Self {
            client,
            url: format!("{}/2010-04-01/Accounts/{}/Messages.json", gateway.url, gateway.account),
            account: gateway.account.clone(),
            token: Arc::clone(&gateway.token),
            from: gateway.from.clone(),
        })
    }

    pub(super) async fn send(&self, number: &str, text: &str) -> Tried {
        let body = plain_lines(text, MAX_SMS_CHARS);
        let form = [("To", number), ("From", self.from.as_str()), ("Body", body.as_str())];
        let request = self
            .client
            .post(&self.url)
            .basic_auth(&self.account, Some(self.token.expose()))
            .form(&form);
        match request.send().await {
            Ok(answer) => classify(answer.status()),
            Err(error) if error.is_timeout() => Tried::Later("no answer in time".to_owned()),
            Err(error) if error.is_connect() => Tried::Later("no connection".to_owned()),
            Err(_) => Tried::Later("an answer that is none".to_owned()),
        }
    }
}

fn classify(status: StatusCode) -> Tried {
    let reason = format!("HTTP {}", status.as_u16());
    match status {
        status if status.is_success() => Tried::Sent,
        // Our own account is at fault, which an operator can mend; or it is too much, or too slow.
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS => Tried::Later(reason),
        status if status.is_server_error() => Tried::Later(reason),
        _ => Tried::Never(reason),
    }
}
