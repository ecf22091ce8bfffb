//! Signing up, in and out.

use super::words;

words! {
    Entrance {
        welcome: "Good to see you", "आपका स्वागत है";
        lead: "Sign in to your accounts.", "अपने खातों में साइन इन करें।";
        email: "E-mail", "ई-मेल";
        password: "Password", "पासवर्ड";
        sign_in: "Sign in", "साइन इन करें";
        with_passkey: "Sign in with a passkey", "पासकी से साइन इन करें";
        or: "or", "या";
        forgot: "Forgotten your password?", "पासवर्ड भूल गए?";
        no_account: "New here?", "नए हैं?";
        sign_up: "Become a customer", "ग्राहक बनें";
        sign_up_lead: "It takes a minute. You need an e-mail address.", "एक मिनट लगेगा। आपको एक ई-मेल पता चाहिए।";
        full_name: "Full name", "पूरा नाम";
        phone: "Telephone (optional)", "टेलीफ़ोन (वैकल्पिक)";
        phone_hint: "With the country's code, as +91 98765 43210.", "देश के कोड के साथ, जैसे +91 98765 43210।";
        password_hint: "At least 12 characters. A sentence is good.", "कम से कम 12 अक्षर। एक वाक्य अच्छा है।";
        create: "Create my sign-in", "मेरा साइन इन बनाएँ";
        have_account: "Already a customer?", "पहले से ग्राहक हैं?";
        second: "One more step", "एक और कदम";
        second_lead: "Show that it is you.", "दिखाएँ कि यह आप ही हैं।";
        confirm: "Confirm", "पुष्टि करें";
        expired: "That took too long. Please sign in again.", "बहुत समय लग गया। कृपया फिर से साइन इन करें।";
    }
}
