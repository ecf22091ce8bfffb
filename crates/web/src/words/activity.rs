//! What happened around a sign-in, in sentences, by the API's names; and refusals, faults and notices of these pages.

use crate::language::Language;

pub type Row = (&'static str, &'static str, &'static str);

/// By `what`.
const WHAT: [Row; 35] = [
    ("session.opened", "Signed in", "साइन इन हुआ"),
    ("session.open_refused", "A sign-in was refused", "एक साइन इन अस्वीकार हुआ"),
    ("session.sign_in_failed", "Somebody typed a wrong password", "किसी ने गलत पासवर्ड लिखा"),
    (
        "session.locked",
        "Sign-in was locked for a while after wrong tries",
        "गलत कोशिशों के बाद साइन इन कुछ समय के लिए बंद हुआ",
    ),
    ("session.moved", "A session came from another place", "एक सत्र दूसरी जगह से आया"),
    ("session.ended", "A session ended", "एक सत्र समाप्त हुआ"),
    ("challenge.answer_refused", "A code was wrong or too old", "एक कोड गलत या पुराना था"),
    (
        "step_up.refused",
        "A confirmation did not fit what was to be done",
        "एक पुष्टि उस काम से मेल नहीं खाई",
    ),
    ("factor.enrolled", "Began to add a second factor", "दूसरा प्रमाण जोड़ना शुरू हुआ"),
    ("factor.confirmed", "Added a second factor", "दूसरा प्रमाण जोड़ा गया"),
    (
        "factor.confirmation_refused",
        "A new second factor was not confirmed",
        "नए दूसरे प्रमाण की पुष्टि नहीं हुई",
    ),
    (
        "factor.registration_refused",
        "A security key was not accepted",
        "एक सुरक्षा कुंजी स्वीकार नहीं हुई",
    ),
    ("factor.renamed", "Renamed a second factor", "दूसरे प्रमाण का नाम बदला गया"),
    ("factor.removed", "Removed a second factor", "दूसरा प्रमाण हटाया गया"),
    ("factor.recovery_codes_replaced", "Made new recovery codes", "नए रिकवरी कोड बनाए गए"),
    (
        "factor.copy_seen",
        "A security key may have been copied and was refused",
        "एक सुरक्षा कुंजी शायद नकल की गई और अस्वीकार हुई",
    ),
    ("password.changed", "Changed the password", "पासवर्ड बदला गया"),
    ("password.change_refused", "A change of password was refused", "पासवर्ड बदलना अस्वीकार हुआ"),
    ("password.reset_asked", "Asked for a new password", "नया पासवर्ड माँगा गया"),
    ("password.reset", "Set a new password by mail", "ई-मेल से नया पासवर्ड लगाया गया"),
    (
        "password.reset_refused",
        "A new password by mail was refused",
        "ई-मेल से नया पासवर्ड अस्वीकार हुआ",
    ),
    (
        "alerts.changed",
        "Changed which payments you are told of",
        "किन भुगतानों की सूचना मिले, यह बदला गया",
    ),
    ("limits.changed", "Changed your limits", "आपकी सीमाएँ बदली गईं"),
    ("outgoing.stopped", "Stopped all outgoing money", "बाहर जाने वाला सारा पैसा रोका गया"),
    ("outgoing.resumed", "Let money out again", "पैसा फिर से जाने दिया गया"),
    ("beneficiary.added", "Added a payee", "प्राप्तकर्ता जोड़ा गया"),
    ("beneficiary.removed", "Removed a payee", "प्राप्तकर्ता हटाया गया"),
    ("beneficiary.refused", "A payee was not added", "प्राप्तकर्ता नहीं जोड़ा गया"),
    ("customer.registered", "Became a customer", "ग्राहक बने"),
    ("customer.email_confirmed", "Confirmed the e-mail address", "ई-मेल पता सत्यापित हुआ"),
    (
        "customer.email_confirmation_refused",
        "A link to confirm the address was no good",
        "पता सत्यापित करने का लिंक ठीक नहीं था",
    ),
    ("customer.locked", "The bank locked your access", "बैंक ने आपकी पहुँच बंद की"),
    ("customer.unlocked", "The bank unlocked your access", "बैंक ने आपकी पहुँच खोली"),
    ("customer.disabled", "The bank stopped your access", "बैंक ने आपकी पहुँच रोकी"),
    ("customer.enabled", "The bank restored your access", "बैंक ने आपकी पहुँच बहाल की"),
];

/// Why a session ended.
const REASONS: [Row; 10] = [
    ("signed_out", "You signed out.", "आपने साइन आउट किया।"),
    ("idle_limit", "Nothing happened for a while.", "कुछ देर तक कोई गतिविधि नहीं हुई।"),
    ("absolute_limit", "Its longest time was over.", "उसका अधिकतम समय पूरा हुआ।"),
    ("ended_by_customer", "You ended it.", "आपने उसे समाप्त किया।"),
    ("signed_in_anew", "The same browser signed in anew.", "उसी ब्राउज़र ने फिर साइन इन किया।"),
    ("session_cap", "You signed in in more places.", "आपने और जगहों पर साइन इन किया।"),
    ("password_changed", "The password was changed.", "पासवर्ड बदला गया।"),
    ("password_reset", "A new password was set.", "नया पासवर्ड लगाया गया।"),
    ("moved", "It came from another place.", "वह दूसरी जगह से आया।"),
    ("refresh_token_reused", "Somebody may have had a copy of it.", "शायद किसी के पास उसकी नकल थी।"),
];

/// As in `errors`, of the entrance and of security.
pub const REFUSALS: [Row; 7] = [
    (
        "invalid_reset_token",
        "This link was used before or is too old. Ask for a new one.",
        "यह लिंक पहले इस्तेमाल हो चुका है या पुराना है। नया लिंक माँगें।",
    ),
    (
        "invalid_confirmation_token",
        "This link was used before or is too old. Sign in and ask for a new one.",
        "यह लिंक पहले इस्तेमाल हो चुका है या पुराना है। साइन इन करके नया माँगें।",
    ),
    ("email_confirmed", "This address is confirmed already.", "यह पता पहले से सत्यापित है।"),
    (
        "credential_refused",
        "The key's answer was not accepted. Begin again.",
        "कुंजी का उत्तर स्वीकार नहीं हुआ। फिर से शुरू करें।",
    ),
    (
        "factor_confirmed",
        "This one is among your second factors already.",
        "यह पहले से आपके दूसरे प्रमाणों में है।",
    ),
    (
        "no_factor",
        "You have no second factor yet. Add one first.",
        "अभी आपका कोई दूसरा प्रमाण नहीं है। पहले एक जोड़ें।",
    ),
    (
        "internal_error",
        "Something went wrong on our side. Nothing was half done.",
        "हमारी ओर कुछ गड़बड़ हुई। कुछ भी अधूरा नहीं रहा।",
    ),
];

pub const FAULTS: [Row; 6] = [
    ("blank", "This is needed.", "यह ज़रूरी है।"),
    ("needs_letters_and_digits", "Use letters and digits.", "अक्षर और अंक दोनों का उपयोग करें।"),
    ("too_common", "This password is too easy to guess.", "यह पासवर्ड आसानी से पहचाना जा सकता है।"),
    (
        "contains_identity",
        "Your name or address must not be in it.",
        "इसमें आपका नाम या पता नहीं होना चाहिए।",
    ),
    (
        "reused",
        "This is the password that you have now. Choose another.",
        "यह आपका वर्तमान पासवर्ड है। दूसरा चुनें।",
    ),
    ("no_minor_unit", "No account is kept in this currency.", "इस मुद्रा में खाता नहीं खुलता।"),
];

pub const NOTICES: [Row; 13] = [
    ("email_confirmed", "Your address is confirmed.", "आपका पता सत्यापित हो गया।"),
    ("factor_added", "The second factor is ready to use.", "दूसरा प्रमाण उपयोग के लिए तैयार है।"),
    ("factor_renamed", "It has its new name.", "नया नाम लग गया।"),
    ("factor_removed", "It is removed.", "हटा दिया गया।"),
    (
        "codes_kept",
        "Good. Only the newest recovery codes work.",
        "ठीक है। केवल सबसे नए रिकवरी कोड चलेंगे।",
    ),
    ("session_ended", "The session is ended.", "सत्र समाप्त हो गया।"),
    ("sessions_ended", "All other sessions are ended.", "बाकी सभी सत्र समाप्त हो गए।"),
    ("signed_out_everywhere", "You are signed out everywhere.", "आप हर जगह साइन आउट हो गए हैं।"),
    ("alerts_set", "Saved. It holds from now on.", "सहेजा गया। यह अब से लागू है।"),
    ("limits_set", "The new limits hold from now on.", "नई सीमाएँ अब से लागू हैं।"),
    ("outgoing_stopped", "No money goes out from now on.", "अब से कोई पैसा बाहर नहीं जाएगा।"),
    ("outgoing_resumed", "Money can go out again.", "पैसा फिर से जा सकता है।"),
    (
        "link_sent",
        "The link is on its way. It replaces those before.",
        "लिंक भेज दिया गया है। यह पहले वालों की जगह लेता है।",
    ),
];

pub fn what(name: &str, language: Language) -> Option<&'static str> {
    super::errors::find(&WHAT, name, language)
}

pub fn reason(name: &str, language: Language) -> Option<&'static str> {
    super::errors::find(&REASONS, name, language)
}
