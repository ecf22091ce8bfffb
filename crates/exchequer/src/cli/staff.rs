//! `staff create`, `totp`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use money::{Clock, Rng};
use vault::{SecretString, random_token};

use super::{Failure, Place, say, with_bank};
use crate::customers::model::Email;
use crate::factors::totp;
use crate::staff;
use crate::staff::model::Role;

/// `exchequer staff create`: prints the operator's password and second factor, once.
pub fn create_staff(place: &Place, email: &str, role: &str) -> Result<(), Failure> {
    let email: Email = email
        .parse()
        .map_err(|_| Failure::Said(format!("{email:?} is no e-mail address that can be used")))?;
    let role: Role =
        role.parse().map_err(|unknown| Failure::Said(format!("{role:?}: {unknown}")))?;
    let config = place.load()?;
    let password = random_token(&Rng::System);
    let (address, chosen) = (email.clone(), password.expose().to_owned());
    let made = with_bank(config, async move |bank| {
        let hash = bank.hashing().hash(chosen).await?;
        let act = bank.system_act("exchequer staff create");
        let made = bank
            .db()
            .write("staff.create", move |tx| staff::create_in(tx, &act, &address, role, &hash))
            .await?;
        Ok(made)
    })?;
    let Some((id, secret)) = made else {
        return Err(Failure::Said(format!("there is an operator {} already", email.as_str())));
    };
    Ok(say(&format!(
        "Made the operator {id}, {role}. This is shown once:\n  \
         e-mail         {}\n  \
         password       {}\n  \
         second factor  {}\n  \
         for a QR code  {}\n\
         Sign in: POST /v1/staff/login, then answer the challenge with a code of the second factor.\n",
        email.as_str(),
        password.expose(),
        secret.expose(),
        totp::otpauth_uri(&secret, email.as_str()).as_str(),
    ))?)
}

/// `exchequer totp`: the code of this moment, or of the next, for a secret from a file or, as `-`, standard
/// input.
pub fn totp(secret_file: &Path, next: bool) -> Result<(), Failure> {
    let secret = read_secret(secret_file)
        .map_err(|error| Failure::Said(format!("{}: {error}", secret_file.display())))?;
    let ahead = if next { totp::STEP_SECONDS } else { 0 };
    let code = totp::code_at(&secret, Clock::System.now().plus_seconds(ahead))
        .ok_or_else(|| Failure::Said("this is no secret in base 32".to_owned()))?;
    Ok(say(&format!("{code}\n"))?)
}

/// A secret has 32 characters; a file with more than this is another file.
const MAX_SECRET_BYTES: u64 = 1_024;

/// In capitals, without blanks and padding, as authenticators show and take it.
fn read_secret(path: &Path) -> io::Result<SecretString> {
    let input: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut text = String::new();
    input.take(MAX_SECRET_BYTES).read_to_string(&mut text)?;
    let text = SecretString::new(text);
    let bare = |c: &char| !c.is_whitespace() && *c != '=' && *c != '-';
    let kept = text.expose().chars().filter(bare).map(|c| c.to_ascii_uppercase());
    Ok(SecretString::new(kept.collect()))
}
