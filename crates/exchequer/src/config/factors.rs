//! What counts as a second factor where the rule books leave a choice.

use super::Profile;
use super::reading::Reading;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factors {
    /// Whether a confirmed e-mail address may complete a sign-in beside the password. Never a step-up.
    pub email_at_sign_in: bool,
}

pub(super) fn read(reading: &mut Reading, profile: Profile) -> Factors {
    let email_at_sign_in = reading.boolean("factor_email_at_sign_in");
    if email_at_sign_in && !profile.email_beside_password() {
        let wrong = format!("true is not for profile {}", profile.name());
        reading.fault("factor_email_at_sign_in", wrong, "false");
    }
    Factors { email_at_sign_in }
}
