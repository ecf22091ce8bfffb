//! The customer's first page.

use super::words;

words! {
    Overview {
        title: "Your accounts", "आपके खाते";
        none: "You have no account yet.", "अभी आपका कोई खाता नहीं है।";
        available: "available", "उपलब्ध";
        held: "reserved", "आरक्षित";
        open: "Open an account", "खाता खोलें";
        latest: "Latest entries", "नवीनतम प्रविष्टियाँ";
        no_entries: "Nothing has happened yet.", "अभी कुछ नहीं हुआ है।";
        totals: "In all", "कुल";
        total_of: "All accounts in {}", "{} में सभी खाते";
        quick: "What would you like to do?", "आप क्या करना चाहेंगे?";
    }
}
