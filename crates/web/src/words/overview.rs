//! The customer's first page.

use super::words;

words! {
    Overview {
        title: "Your accounts", "आपके खाते";
        none: "You have no account yet.", "अभी आपका कोई खाता नहीं है।";
        available: "available", "उपलब्ध";
        held: "reserved", "आरक्षित";
        open: "Open another account", "एक और खाता खोलें";
        latest: "Latest entries", "नवीनतम प्रविष्टियाँ";
        no_entries: "Nothing has happened on this account yet.", "इस खाते में अभी कुछ नहीं हुआ है।";
    }
}
