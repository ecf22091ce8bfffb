//! Signing up, in and out.

use super::words;

words! {
    Entrance {
        welcome: "Good to see you", "आपका स्वागत है";
        lead: "Sign in to your accounts.", "अपने खातों में साइन इन करें।";
        email: "E-mail", "ई-मेल";
        password: "Password", "पासवर्ड";
        show_password: "Show password", "पासवर्ड दिखाएँ";
        hide_password: "Hide password", "पासवर्ड छिपाएँ";
        sign_in: "Sign in", "साइन इन करें";
        with_passkey: "Sign in with a passkey", "पासकी से साइन इन करें";
        forgot: "Forgotten your password?", "पासवर्ड भूल गए?";
        no_account: "New here?", "नए हैं?";
        sign_up: "Become a customer", "ग्राहक बनें";
        sign_up_lead: "It takes a minute. You need an e-mail address.", "एक मिनट लगेगा। आपको एक ई-मेल पता चाहिए।";
        full_name: "Full name", "पूरा नाम";
        phone: "Telephone (optional)", "टेलीफ़ोन (वैकल्पिक)";
        phone_hint: "With the country's code, as +91 98765 43210.", "देश के कोड के साथ, जैसे +91 98765 43210।";
        password_hint: "At least {} characters. A sentence is good.", "कम से कम {} अक्षर। एक वाक्य अच्छा है।";
        password_hint_mixed: "At least {} characters, with letters and digits. A sentence is good.", "कम से कम {} अक्षर, जिनमें अक्षर और अंक दोनों हों। एक वाक्य अच्छा है।";
        create: "Create my sign-in", "मेरा साइन इन बनाएँ";
        have_account: "Already a customer?", "पहले से ग्राहक हैं?";
        second: "One more step", "एक और कदम";
        second_lead: "Show that it is you.", "दिखाएँ कि यह आप ही हैं।";
        passkey_title: "Sign in with a passkey", "पासकी से साइन इन करें";
        passkey_lead: "Your device asks you for your fingerprint, face or PIN.", "आपका उपकरण फ़िंगरप्रिंट, चेहरा या पिन माँगेगा।";
        to_sign_in: "Back to the sign-in", "साइन इन पर वापस जाएँ";
        confirm_title: "Confirm your address", "अपना पता सत्यापित करें";
        confirm_lead: "One press, and we know that this address is yours. Then we can send you a new password's link there, should you ever need one.", "एक बार दबाएँ, और हम जान लेंगे कि यह पता आपका है। फिर ज़रूरत पड़ने पर हम नए पासवर्ड का लिंक वहाँ भेज सकते हैं।";
        confirm_button: "This address is mine", "यह पता मेरा है";
        link_dead: "A link serves once and for a limited time, and a newer one replaces it.", "एक लिंक एक ही बार और सीमित समय तक चलता है, और नया लिंक पुराने की जगह ले लेता है।";
        forgot_title: "A new password", "नया पासवर्ड";
        forgot_lead: "Tell us your e-mail address. We send you a link that sets a new password.", "अपना ई-मेल पता बताएँ। हम आपको नया पासवर्ड बनाने का लिंक भेजेंगे।";
        forgot_button: "Send me the link", "मुझे लिंक भेजें";
        forgot_done: "Look into your mail", "अपनी ई-मेल देखें";
        forgot_done_text: "If this is the confirmed address of a customer, a link is on its way. It serves for 30 minutes.", "अगर यह किसी ग्राहक का सत्यापित पता है, तो लिंक भेज दिया गया है। यह 30 मिनट तक चलेगा।";
        forgot_none: "Nothing came? Look among unwanted mail, or ask again in a few minutes. An address that was never confirmed gets no link: please call us.", "कुछ नहीं आया? अनचाही ई-मेल में देखें, या कुछ मिनट बाद फिर माँगें। जो पता कभी सत्यापित नहीं हुआ, उस पर लिंक नहीं जाता: कृपया हमें फ़ोन करें।";
        reset_title: "Choose a new password", "नया पासवर्ड चुनें";
        reset_lead: "You will be signed out everywhere, and sign in with the new one.", "आप हर जगह साइन आउट हो जाएँगे, और नए पासवर्ड से साइन इन करेंगे।";
        new_password: "New password", "नया पासवर्ड";
        reset_button: "Set the new password", "नया पासवर्ड लगाएँ";
        another_link: "Ask for another link", "दूसरा लिंक माँगें";
        first_title: "Welcome, {}", "स्वागत है, {}";
        first_lead: "Three steps, and the bank is yours to use. You can take them in any order, or later.", "तीन कदम, और बैंक आपके उपयोग के लिए तैयार है। आप इन्हें किसी भी क्रम में या बाद में कर सकते हैं।";
        first_account: "Open your first account", "अपना पहला खाता खोलें";
        first_account_text: "You choose its currency now; it stays that way.", "मुद्रा अभी चुनें; यह बाद में नहीं बदलती।";
        account_name: "Name of the account", "खाते का नाम";
        account_name_given: "Everyday", "रोज़मर्रा";
        account_name_hint: "For you alone.", "केवल आपके लिए।";
        currency: "Currency", "मुद्रा";
        open_account: "Open the account", "खाता खोलें";
        account_there: "You have an account.", "आपका खाता है।";
        first_protect: "Protect your sign-in", "अपना साइन इन सुरक्षित करें";
        first_protect_text: "With a passkey, an authenticator app or a security key, nobody gets in with a stolen password alone.", "पासकी, प्रमाणक ऐप या सुरक्षा कुंजी के साथ, केवल चुराए गए पासवर्ड से कोई अंदर नहीं आ सकता।";
        first_protect_button: "Choose a second factor", "दूसरा प्रमाण चुनें";
        protected: "A second factor protects you.", "दूसरा प्रमाण आपकी रक्षा करता है।";
        first_address: "Confirm your address", "अपना पता सत्यापित करें";
        first_address_text: "We have sent a link to {}. Only a confirmed address can get a link for a new password.", "हमने {} पर एक लिंक भेजा है। केवल सत्यापित पते पर नए पासवर्ड का लिंक जा सकता है।";
        address_there: "Your address is confirmed.", "आपका पता सत्यापित है।";
        done: "Done", "हो गया";
        to_overview: "To your accounts", "आपके खातों पर जाएँ";
    }
}

words! {
    /// The demo's mail and text messages.
    Inbox {
        title: "Demo inbox", "डेमो इनबॉक्स";
        lead: "What a real bank would send by mail and text message, to everybody, newest first. Load the page again to see what is new.", "जो असली बैंक ई-मेल और SMS से भेजता, सबके लिए, सबसे नया पहले। नया देखने के लिए पेज फिर से खोलें।";
        none: "Nothing was sent yet.", "अभी कुछ नहीं भेजा गया।";
        sms: "Text message", "SMS";
        to: "To", "प्रति";
        reload: "Look again", "फिर देखें";
    }
}
