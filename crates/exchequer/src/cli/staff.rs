//! `staff create`, `staff reset`, `staff enable`, `totp`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ::store::DbError;
use money::{Clock, Rng};
use vault::{MAX_PASSWORD_BYTES, SecretString, random_token};

use super::{Failure, Place, say, with_bank};
use crate::customers::model::Email;
use crate::factors::totp;
use crate::http::{Code, Problem};
use crate::staff::model::Role;
use crate::staff::{self, members, renewal};

/// `exchequer staff create`: prints the operator's second factor, once. The password is the operator's own, from a file
/// or, as `-`, standard input (ASVS 5.0, 6.4.1); where none is given, 256 random bits that are printed once.
///
/// With `must_change` the password is a first one: whoever signs in with it chooses another before there is a session.
pub fn create_staff(
    place: &Place,
    (email, role): (&str, &str),
    (password_file, must_change): (Option<&Path>, bool),
) -> Result<(), Failure> {
    let email = address(email)?;
    let role: Role =
        role.parse().map_err(|unknown| Failure::Said(format!("{role:?}: {unknown}")))?;
    let (password, drawn) = if let Some(file) = password_file {
        let read = read_password(file)
            .map_err(|error| Failure::Said(format!("{}: {error}", file.display())))?;
        (read, SecretString::new(String::new()))
    } else {
        let drawn = random_token(&Rng::System);
        let line = format!("password       {}\n  ", drawn.expose());
        (drawn, SecretString::new(line))
    };
    let config = place.load()?;
    let operator = email.clone();
    let made = with_bank(config, async move |bank| {
        let known = vec![operator.as_str().to_owned()];
        let hash = match bank.hashing().choose(password.expose().to_owned(), known).await? {
            Ok(hash) => hash,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let act = bank.system_act("exchequer staff create");
        let made = bank
            .db()
            .write("staff.create", move |tx| {
                let made = staff::create_in(tx, &act, &operator, role, &hash)?;
                if let Some((id, _)) = made.as_ref().filter(|_| must_change) {
                    renewal::must_change_in(tx, &act, id)?;
                }
                Ok::<_, DbError>(made)
            })
            .await?;
        Ok(Ok(made))
    })?;
    let made = made.map_err(|refusal| Failure::Said(refusal.to_string()))?;
    let Some((id, secret)) = made else {
        return Err(Failure::Said(format!("there is an operator {} already", email.as_str())));
    };
    Ok(say(&format!(
        "Made the operator {id}, {role}. This is shown once:\n  \
         e-mail         {}\n  {}\
         second factor  {}\n  \
         for a QR code  {}\n\
         Sign in: POST /v1/staff/login, then answer the challenge with a code of the second factor.\n{}",
        email.as_str(),
        drawn.expose(),
        secret.expose(),
        totp::otpauth_uri(&secret, email.as_str()).as_str(),
        if must_change {
            "The password serves for 72 hours and once, to choose another.\n"
        } else {
            ""
        },
    ))?)
}

/// `exchequer staff reset`: a first password in place of what an operator signs in with, printed once. For the case that no
/// administrator is left who could do it; whoever has the bank's machine and its keys needs nobody's approval.
pub fn reset_staff(place: &Place, email: &str) -> Result<(), Failure> {
    let email = address(email)?;
    let first = random_token(&Rng::System);
    let drawn = first.expose().to_owned();
    let operator = email.clone();
    let reset = with_bank(place.load()?, async move |bank| {
        let hash = bank.hashing().hash(drawn).await?;
        let act = bank.system_act("exchequer staff reset");
        let reset = bank
            .db()
            .write("staff.reset", move |tx| match renewal::find(tx, &operator)? {
                Some(id) => renewal::reset_in(tx, &act, (None, &id), &hash),
                None => Ok(Err(Problem::new(Code::NotFound))),
            })
            .await?;
        Ok(reset)
    })?;
    let member = reset.map_err(|refusal| refused(&email, &refusal))?;
    let shut = "Their access is ended as before; `exchequer staff enable` opens it.\n";
    Ok(say(&format!(
        "Reset the operator {}, {}, who was signed out everywhere. This is shown once:\n  \
         e-mail          {}\n  \
         first password  {}\n\
         It serves for 72 hours and once: at the sign-in the operator chooses a password and enrols an authenticator.\n{}",
        member.id,
        member.role,
        email.as_str(),
        first.expose(),
        if member.is_enabled { "" } else { shut },
    ))?)
}

/// `exchequer staff enable`: opens the access of an operator that was ended, by an administrator or for absence.
pub fn enable_staff(place: &Place, email: &str) -> Result<(), Failure> {
    let email = address(email)?;
    let operator = email.clone();
    let enabled = with_bank(place.load()?, async move |bank| {
        let act = bank.system_act("exchequer staff enable");
        let enabled = bank
            .db()
            .write("staff.enable", move |tx| match renewal::find(tx, &operator)? {
                Some(id) => members::enable_in(tx, &act, &id),
                None => Ok(Err(Problem::new(Code::NotFound))),
            })
            .await?;
        Ok(enabled)
    })?;
    let member = enabled.map_err(|refusal| refused(&email, &refusal))?;
    Ok(say(&format!(
        "Opened the access of the operator {}, {}. They sign in with what they had; `exchequer staff reset` replaces it.\n",
        member.id, member.role,
    ))?)
}

fn refused(email: &Email, refusal: &Problem) -> Failure {
    Failure::Said(match refusal.code {
        Code::NotFound => format!("there is no operator {}", email.as_str()),
        Code::NotDisabled => format!("the access of {} is open", email.as_str()),
        other => format!("{}: {}", email.as_str(), other.title()),
    })
}

fn address(text: &str) -> Result<Email, Failure> {
    let unusable = |_| Failure::Said(format!("{text:?} is no e-mail address that can be used"));
    text.parse().map_err(unusable)
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

/// As it is but for the end of its line. What is too long is read far enough for the rules to say so.
fn read_password(path: &Path) -> io::Result<SecretString> {
    let most = u64::try_from(MAX_PASSWORD_BYTES).unwrap_or(u64::MAX).saturating_add(2);
    let text = SecretString::new(read_text(path, most)?);
    let line = text.expose().strip_suffix('\n').unwrap_or(text.expose());
    Ok(SecretString::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

/// At most so many bytes of a file, or of standard input.
fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let input: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut text = String::new();
    input.take(most).read_to_string(&mut text)?;
    Ok(text)
}

/// A secret has 32 characters; a file with more than this is another file.
const MAX_SECRET_BYTES: u64 = 1_024;

/// In capitals, without blanks and padding, as authenticators show and take it.
fn read_secret(path: &Path) -> io::Result<SecretString> {
    let text = SecretString::new(read_text(path, MAX_SECRET_BYTES)?);
    let bare = |c: &char| !c.is_whitespace() && *c != '=' && *c != '-';
    let kept = text.expose().chars().filter(bare).map(|c| c.to_ascii_uppercase());
    Ok(SecretString::new(kept.collect()))
}
