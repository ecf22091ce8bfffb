//! Refusals, faults of fields and notices, by the name that they have in the API or in an address.

use super::activity;
use crate::language::Language;

type Row = (&'static str, &'static str, &'static str);

/// By the API's code. What is not here is told in the API's own words.
const REFUSALS: [Row; 36] = [
    ("invalid_credentials", "E-mail or password is wrong.", "ई-मेल या पासवर्ड गलत है।"),
    (
        "invalid_code",
        "That code is wrong or too old. Look again, or ask for a new one.",
        "यह कोड गलत या पुराना है। नया कोड माँगें।",
    ),
    (
        "locked_out",
        "There were too many wrong tries. Sign-in is locked for a while.",
        "बहुत बार गलत कोशिश हुई। साइन इन कुछ समय के लिए बंद है।",
    ),
    (
        "account_disabled",
        "This sign-in is disabled. Please call the bank.",
        "यह साइन इन बंद कर दिया गया है। कृपया बैंक को फ़ोन करें।",
    ),
    (
        "too_many_sessions",
        "You are signed in on too many devices. End one of those sessions first.",
        "आप बहुत से उपकरणों पर साइन इन हैं। पहले उनमें से एक सत्र समाप्त करें।",
    ),
    ("rate_limited", "That was too often in a short time.", "कम समय में बहुत बार कोशिश हुई।"),
    (
        "too_many_messages",
        "Too many messages were sent. Please wait a little.",
        "बहुत से संदेश भेजे गए। कृपया थोड़ा रुकें।",
    ),
    (
        "sms_not_offered",
        "This bank does not send codes by text message.",
        "यह बैंक SMS से कोड नहीं भेजता।",
    ),
    ("account_not_found", "There is no account with this number.", "इस नंबर का कोई खाता नहीं है।"),
    (
        "same_account",
        "Money cannot go from an account to itself.",
        "किसी खाते से उसी खाते में पैसा नहीं जा सकता।",
    ),
    (
        "currency_mismatch",
        "The two accounts have different currencies.",
        "दोनों खातों की मुद्राएँ अलग हैं।",
    ),
    (
        "account_frozen",
        "This account is frozen: no money can go in or out. Please call the bank.",
        "यह खाता रोक दिया गया है: इसमें लेन-देन नहीं हो सकता। कृपया बैंक को फ़ोन करें।",
    ),
    ("account_closed", "This account is closed.", "यह खाता बंद है।"),
    (
        "limit_exceeded",
        "This is above a limit of the account or one you have set.",
        "यह खाते की या आपकी तय की हुई सीमा से अधिक है।",
    ),
    ("insufficient_funds", "There is not enough money in the account.", "खाते में पर्याप्त पैसा नहीं है।"),
    (
        "payee_cooling",
        "This payee is new. Large amounts can be sent after the waiting time.",
        "यह प्राप्तकर्ता नया है। बड़ी रकम प्रतीक्षा समय के बाद भेजी जा सकती है।",
    ),
    (
        "recent_password_change",
        "The password was changed recently. Large amounts have to wait a day.",
        "पासवर्ड हाल में बदला गया है। बड़ी रकम के लिए एक दिन रुकना होगा।",
    ),
    (
        "outgoing_stopped",
        "You have stopped all outgoing money. Allow it again on the security page.",
        "आपने सभी भुगतान रोक दिए हैं। सुरक्षा पेज पर उन्हें फिर से चालू करें।",
    ),
    (
        "step_up_required",
        "This needs a second factor. Set one up on the security page first.",
        "इसके लिए दूसरा प्रमाण चाहिए। पहले सुरक्षा पेज पर उसे सेट करें।",
    ),
    (
        "idempotency_key_reused",
        "This form was already sent with other values. Start again.",
        "यह फ़ॉर्म दूसरे मानों के साथ पहले ही भेजा जा चुका है। फिर से शुरू करें।",
    ),
    (
        "idempotency_key_expired",
        "This form is too old to be sent again.",
        "यह फ़ॉर्म दोबारा भेजने के लिए बहुत पुराना है।",
    ),
    (
        "idempotency_key_in_flight",
        "This is still being done. Look again in a moment.",
        "यह अभी हो रहा है। थोड़ी देर में फिर देखें।",
    ),
    ("invalid_fields", "Please look at what is marked below.", "कृपया नीचे चिह्नित जगहें देखें।"),
    (
        "overloaded",
        "The bank is very busy. Please try again in a moment.",
        "बैंक अभी बहुत व्यस्त है। थोड़ी देर में फिर कोशिश करें।",
    ),
    (
        "unavailable",
        "The bank cannot do this right now. Nothing was half done; please try again.",
        "बैंक अभी यह नहीं कर सकता। कुछ भी अधूरा नहीं रहा; फिर कोशिश करें।",
    ),
    (
        "internal",
        "Something went wrong on our side. Nothing was half done.",
        "हमारी ओर कुछ गड़बड़ हुई। कुछ भी अधूरा नहीं रहा।",
    ),
    (
        "wrong_caller",
        "You are signed in as somebody who has no business here.",
        "आप ऐसे व्यक्ति के रूप में साइन इन हैं जिसका यहाँ काम नहीं है।",
    ),
    ("forbidden", "Your role may not do this.", "आपकी भूमिका को इसकी अनुमति नहीं है।"),
    (
        "cross_site_refused",
        "This came from another site. Nothing was done.",
        "यह किसी दूसरी साइट से आया। कुछ नहीं हुआ।",
    ),
    (
        "invalid_token",
        "This link was used before or is too old. Ask for a new one.",
        "यह लिंक पहले इस्तेमाल हो चुका है या पुराना है। नया लिंक माँगें।",
    ),
    (
        "too_many_factors",
        "There are already as many as one person may have.",
        "पहले से ही उतने हैं जितने एक व्यक्ति के हो सकते हैं।",
    ),
    (
        "already_a_beneficiary",
        "This account is among your payees already.",
        "यह खाता पहले से आपके प्राप्तकर्ताओं में है।",
    ),
    (
        "too_many_beneficiaries",
        "You have as many payees as one person may have. Remove one first.",
        "आपके प्राप्तकर्ता अधिकतम संख्या में हैं। पहले एक हटाएँ।",
    ),
    (
        "statement_too_long",
        "There are too many entries for one statement. Choose a shorter period.",
        "एक विवरण के लिए प्रविष्टियाँ बहुत अधिक हैं। छोटी अवधि चुनें।",
    ),
    (
        "receipt_not_ready",
        "The bank signs within a second or two of a payment. Go back and try again.",
        "बैंक भुगतान के एक-दो सेकंड में हस्ताक्षर करता है। वापस जाएँ और फिर से कोशिश करें।",
    ),
    (
        "too_many_accounts",
        "You have as many accounts as one person may have.",
        "आपके खाते अधिकतम संख्या में हैं।",
    ),
];

/// By the API's code of a field's fault.
const FAULTS: [Row; 9] = [
    ("required", "This is needed.", "यह ज़रूरी है।"),
    ("too_long", "This is too long.", "यह बहुत लंबा है।"),
    ("too_short", "This is too short.", "यह बहुत छोटा है।"),
    (
        "invalid",
        "This is not written as it should be: please check it letter by letter.",
        "यह सही तरह से नहीं लिखा गया है: कृपया एक-एक अक्षर जाँचें।",
    ),
    ("out_of_range", "This is too small or too large.", "यह बहुत कम या बहुत अधिक है।"),
    (
        "control_character",
        "There is a character in it that cannot be used.",
        "इसमें ऐसा अक्षर है जो नहीं चल सकता।",
    ),
    ("unknown_currency", "There is no such currency.", "ऐसी कोई मुद्रा नहीं है।"),
    ("common", "This password is too easy to guess.", "यह पासवर्ड आसानी से पहचाना जा सकता है।"),
    ("before_from", "The end is before the beginning.", "अंत शुरुआत से पहले है।"),
];

/// By the name in `?done=`.
const NOTICES: [Row; 8] = [
    ("signed_out", "You are signed out.", "आप साइन आउट हो गए हैं।"),
    (
        "registered",
        "Thank you. Look into your mail for what comes next, or sign in.",
        "धन्यवाद। आगे क्या करना है, यह अपनी ई-मेल में देखें, या साइन इन करें।",
    ),
    (
        "idle",
        "You were signed out because nothing happened for a while.",
        "कुछ देर तक कोई गतिविधि न होने से आपको साइन आउट कर दिया गया।",
    ),
    ("account_opened", "The account is open.", "खाता खुल गया है।"),
    ("sent", "The money has been sent.", "पैसा भेज दिया गया है।"),
    ("payee_added", "The payee is on your list.", "प्राप्तकर्ता आपकी सूची में है।"),
    ("payee_removed", "The payee is off your list.", "प्राप्तकर्ता सूची से हटा दिया गया है।"),
    (
        "password_set",
        "The new password is set. You can sign in with it.",
        "नया पासवर्ड लग गया है। अब आप उससे साइन इन कर सकते हैं।",
    ),
];

pub fn refusal(code: &str, language: Language) -> Option<&'static str> {
    find(&REFUSALS, code, language).or_else(|| find(&activity::REFUSALS, code, language))
}

pub fn fault(code: &str, language: Language) -> Option<&'static str> {
    find(&FAULTS, code, language).or_else(|| find(&activity::FAULTS, code, language))
}

pub fn notice(name: &str, language: Language) -> Option<&'static str> {
    find(&NOTICES, name, language).or_else(|| find(&activity::NOTICES, name, language))
}

pub fn find(rows: &[Row], name: &str, language: Language) -> Option<&'static str> {
    let (_, english, hindi) = rows.iter().find(|(key, ..)| *key == name)?;
    Some(match language {
        Language::English => english,
        Language::Hindi => hindi,
    })
}
