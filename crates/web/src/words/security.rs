//! Factors, sessions, limits and what happened around a sign-in.

use super::words;

words! {
    Security {
        title: "Security", "सुरक्षा";
        tabs: "Security", "सुरक्षा";
        tab_sign_in: "Sign-in", "साइन इन";
        tab_sessions: "Devices", "उपकरण";
        tab_limits: "Limits", "सीमाएँ";
        tab_alerts: "Alerts", "सूचनाएँ";
        tab_activity: "Activity", "गतिविधि";
        tab_password: "Password", "पासवर्ड";

        factors: "Second factors", "दूसरे प्रमाण";
        factors_lead: "Besides the password, one of these is asked for when you sign in or send a large sum.", "पासवर्ड के अलावा, साइन इन करते समय या बड़ी रकम भेजते समय इनमें से एक माँगा जाता है।";
        no_factors: "Nothing but the password protects your sign-in. Add a second factor: it takes a minute.", "आपके साइन इन को केवल पासवर्ड बचाता है। दूसरा प्रमाण जोड़ें: एक मिनट लगेगा।";
        add_factor: "Add a second factor", "दूसरा प्रमाण जोड़ें";
        kind_webauthn: "Security key or passkey", "सुरक्षा कुंजी या पासकी";
        kind_totp: "Authenticator app", "प्रमाणक ऐप";
        kind_sms: "Text messages", "SMS";
        kind_email: "E-mail", "ई-मेल";
        last_used: "Last used {}", "पिछला उपयोग {}";
        never_used: "Not used yet", "अभी उपयोग नहीं हुआ";
        added: "Added {}", "जोड़ा गया {}";
        unfinished: "Not confirmed", "पुष्टि बाकी";
        no_factor: "Proves your address; no second factor", "आपका पता सिद्ध करता है; दूसरा प्रमाण नहीं";
        change: "Change", "बदलें";
        recovery: "Recovery codes", "रिकवरी कोड";
        recovery_lead: "Each opens your sign-in once, when a telephone or key is lost. New ones replace all that you have.", "फ़ोन या कुंजी खो जाने पर हर कोड एक बार साइन इन खोलता है। नए कोड पुराने सभी की जगह ले लेते हैं।";
        recovery_left: "Left of ten: {}", "दस में से बचे: {}";
        recovery_new: "Make new recovery codes", "नए रिकवरी कोड बनाएँ";
        address: "E-mail address", "ई-मेल पता";
        address_confirmed: "Confirmed", "सत्यापित";
        address_open: "Not confirmed", "सत्यापित नहीं";
        address_text: "Only a confirmed address can get a link for a new password.", "केवल सत्यापित पते पर नए पासवर्ड का लिंक जा सकता है।";
        address_send: "Send the link again", "लिंक फिर भेजें";

        stop_title: "Emergency stop", "आपातकालीन रोक";
        stop_text: "Stops all money that goes out, at once: payments, reservations and card payments from your accounts. Money still comes in.", "बाहर जाने वाला सारा पैसा तुरंत रोकता है: भुगतान, आरक्षण और कार्ड भुगतान। पैसा आता रहेगा।";
        stop_button: "Stop all outgoing money", "बाहर जाने वाला सारा पैसा रोकें";
        stopped: "All outgoing money is stopped since {}.", "{} से बाहर जाने वाला सारा पैसा रुका है।";
        resume_button: "Let money out again", "पैसा फिर से जाने दें";
        resume_deed: "Let money out of your accounts again", "अपने खातों से पैसा फिर से जाने दें";

        add_title: "Add a second factor", "दूसरा प्रमाण जोड़ें";
        add_lead: "Have two, so that a lost telephone does not lock you out.", "दो रखें, ताकि फ़ोन खोने पर आप बाहर न रह जाएँ।";
        add_passkey: "Passkey", "पासकी";
        add_passkey_text: "Kept by your telephone or computer. Signs you in by fingerprint, face or PIN, without a password. The safest way.", "आपके फ़ोन या कंप्यूटर में रहती है। फ़िंगरप्रिंट, चेहरे या पिन से बिना पासवर्ड के साइन इन कराती है। सबसे सुरक्षित तरीका।";
        add_key: "Security key", "सुरक्षा कुंजी";
        add_key_text: "A small device that you carry and plug in or hold to the telephone.", "एक छोटा उपकरण जिसे आप साथ रखते हैं और लगाते हैं या फ़ोन से छुआते हैं।";
        add_totp_text: "An app on your telephone shows a new code every 30 seconds. Works without a network.", "आपके फ़ोन का एक ऐप हर 30 सेकंड में नया कोड दिखाता है। बिना नेटवर्क के चलता है।";
        add_sms_text: "We send a code to your telephone. Better than nothing: text messages can be intercepted.", "हम आपके फ़ोन पर कोड भेजते हैं। कुछ न होने से बेहतर: SMS बीच में पढ़े जा सकते हैं।";
        add_email_text: "Proves your address with a code. It is no second factor: who reads your mail could also reset your password.", "कोड से आपका पता सिद्ध करता है। यह दूसरा प्रमाण नहीं है: जो आपकी ई-मेल पढ़ता है वह पासवर्ड भी बदल सकता है।";
        begin: "Set up", "सेट करें";
        deed_add: "Add a way to sign in", "साइन इन का एक तरीका जोड़ें";
        deed_kind: "Kind", "प्रकार";
        totp_title: "Set up your authenticator app", "अपना प्रमाणक ऐप सेट करें";
        totp_scan: "Scan this picture with the app.", "ऐप से यह चित्र स्कैन करें।";
        totp_picture: "QR code with the key for your authenticator app", "आपके प्रमाणक ऐप की कुंजी वाला QR कोड";
        totp_type: "No camera? Type this key into the app:", "कैमरा नहीं है? यह कुंजी ऐप में लिखें:";
        totp_open: "Open it in an app on this device", "इसी उपकरण के ऐप में खोलें";
        totp_code: "Code that the app shows now", "ऐप में अभी दिख रहा कोड";
        phone_title: "Codes by text message", "SMS से कोड";
        phone_lead: "We send a code to this number to see that it is yours.", "यह देखने के लिए कि नंबर आपका है, हम उस पर कोड भेजेंगे।";
        phone: "Telephone number", "टेलीफ़ोन नंबर";
        phone_send: "Send the code", "कोड भेजें";
        code_title: "Type the code", "कोड लिखें";
        code_sent: "A code is on its way to {}.", "{} पर कोड भेजा गया है।";
        code: "Code", "कोड";
        code_again: "Send another code", "दूसरा कोड भेजें";
        begin_again: "Begin again", "फिर से शुरू करें";
        confirm: "Confirm", "पुष्टि करें";
        key_title: "Add a passkey or security key", "पासकी या सुरक्षा कुंजी जोड़ें";
        key_kind: "What do you have?", "आपके पास क्या है?";
        name: "Name", "नाम";
        name_hint: "So that you know it again, as “Telephone” or “Blue key”.", "ताकि आप इसे पहचान सकें, जैसे “फ़ोन” या “नीली कुंजी”।";
        go_on: "Go on", "आगे बढ़ें";
        key_make_title: "Create it now", "अब इसे बनाएँ";
        key_make_lead: "Your browser asks for the key, or for your fingerprint, face or PIN.", "आपका ब्राउज़र कुंजी, या फ़िंगरप्रिंट, चेहरा या पिन माँगेगा।";
        key_make: "Create “{}”", "“{}” बनाएँ";
        key_failed: "Nothing was created. Try again, or go back and choose another way.", "कुछ नहीं बना। फिर कोशिश करें, या वापस जाकर दूसरा तरीका चुनें।";
        rename: "Rename", "नाम बदलें";
        save_name: "Save the name", "नाम सहेजें";
        remove: "Remove", "हटाएँ";
        remove_title: "Remove “{}”?", "“{}” हटाएँ?";
        remove_text: "It cannot be used to sign in any more. With the last second factor your recovery codes go, too.", "इससे फिर साइन इन नहीं हो सकेगा। आख़िरी दूसरे प्रमाण के साथ आपके रिकवरी कोड भी चले जाएँगे।";
        remove_button: "Remove it", "इसे हटाएँ";
        deed_remove: "Remove a way to sign in", "साइन इन का एक तरीका हटाएँ";
        codes_title: "Your recovery codes", "आपके रिकवरी कोड";
        codes_lead: "They are shown this once. Print them or write them down, and keep them where a thief of your telephone does not look.", "ये केवल एक बार दिखाए जाते हैं। इन्हें छापें या लिख लें, और ऐसी जगह रखें जहाँ आपके फ़ोन का चोर न देखे।";
        codes_copy: "Copy all", "सब कॉपी करें";
        codes_print: "Print", "छापें";
        codes_kept: "I have kept them", "मैंने इन्हें रख लिया है";
        codes_ask: "Make new recovery codes?", "नए रिकवरी कोड बनाएँ?";
        codes_ask_text: "The ones that you have stop working at once.", "आपके पास जो हैं वे तुरंत बंद हो जाएँगे।";
        codes_deed: "Replace your recovery codes", "अपने रिकवरी कोड बदलें";

        sessions_lead: "Where you are signed in now. End what you do not know, then change your password.", "आप अभी जहाँ साइन इन हैं। जिसे आप नहीं जानते उसे समाप्त करें, फिर पासवर्ड बदलें।";
        this_device: "This one", "यही";
        from_address: "Network address", "नेटवर्क पता";
        since: "Signed in", "साइन इन";
        used: "Last used", "पिछला उपयोग";
        end: "End", "समाप्त करें";
        end_of: "End the session on {}", "{} का सत्र समाप्त करें";
        end_others: "End all others", "बाकी सब समाप्त करें";
        end_all: "End all, this one too", "सब समाप्त करें, यह भी";
        program: "A program", "एक प्रोग्राम";
        unknown_device: "Unknown device", "अज्ञात उपकरण";
        on: "{} on {}", "{}, {} पर";

        limits_lead: "Your own limits for money that goes to others. Lower is at once; higher needs your second factor or password.", "दूसरों को जाने वाले पैसे पर आपकी अपनी सीमाएँ। घटाना तुरंत होता है; बढ़ाने के लिए दूसरा प्रमाण या पासवर्ड चाहिए।";
        limits_count: "A limit counts what you send from the moment it is set.", "सीमा उसके सेट होने के समय से भेजी गई रकम गिनती है।";
        limits_none: "Open an account first; limits are set for its currency.", "पहले एक खाता खोलें; सीमाएँ उसकी मुद्रा के लिए होती हैं।";
        limits_of: "Limits in {}", "{} में सीमाएँ";
        limits_change: "Change the limits in {}", "{} की सीमाएँ बदलें";
        limits_hint: "An empty field is no limit.", "खाली जगह का अर्थ है कोई सीमा नहीं।";
        limit: "Limit", "सीमा";
        at_most: "At most", "अधिकतम";
        no_limit: "none", "कोई नहीं";
        spent: "Used of it", "इसमें से उपयोग";
        per_transfer: "One payment", "एक भुगतान";
        per_day: "Any 24 hours", "कोई भी 24 घंटे";
        per_week: "Any 7 days", "कोई भी 7 दिन";
        per_month: "Any 30 days", "कोई भी 30 दिन";
        save: "Save", "सहेजें";
        deed_limits: "Change your limits in {}", "{} में अपनी सीमाएँ बदलें";

        alerts_lead: "By e-mail to your confirmed address, soon after a payment has left or reached one of your accounts. More is at once; less needs your second factor or password.", "भुगतान आपके किसी खाते से जाने या उसमें आने के तुरंत बाद, आपके सत्यापित ई-मेल पते पर। ज़्यादा सूचना तुरंत होती है; कम करने के लिए दूसरा प्रमाण या पासवर्ड चाहिए।";
        alerts_many: "Many payments in an hour are told together.", "एक घंटे में बहुत से भुगतान एक साथ बताए जाते हैं।";
        alerts_none: "Open an account first; alerts are chosen for its currency.", "पहले एक खाता खोलें; सूचनाएँ उसकी मुद्रा के लिए चुनी जाती हैं।";
        alerts_told: "You are told of", "आपको बताया जाता है";
        alerts_all: "every payment", "हर भुगतान";
        alerts_off: "no payment", "कोई भुगतान नहीं";
        alerts_from: "payments of {} and more", "{} और उससे ज़्यादा के भुगतान";
        alerts_change: "Change the alerts in {}", "{} की सूचनाएँ बदलें";
        alerts_which: "E-mail about payments", "भुगतानों के बारे में ई-मेल";
        alerts_on: "On", "चालू";
        alerts_not: "Off", "बंद";
        alerts_least: "Only from this sum on", "केवल इस रकम से";
        alerts_hint: "An empty field is every payment.", "खाली जगह का अर्थ है हर भुगतान।";
        deed_alerts: "Be told of fewer payments in {}", "{} में कम भुगतानों की सूचना पाएँ";

        activity_lead: "What happened around your sign-in. If something was not you, change your password.", "आपके साइन इन के आसपास क्या हुआ। अगर कुछ आपने नहीं किया, तो पासवर्ड बदलें।";
        activity_none: "Nothing yet.", "अभी कुछ नहीं।";
        refused: "Refused", "अस्वीकृत";
        by_bank: "The bank", "बैंक";

        password_lead: "You will be signed out everywhere, here too, and sign in with the new one. For a day, large payments have to wait.", "आप हर जगह साइन आउट हो जाएँगे, यहाँ भी, और नए से साइन इन करेंगे। एक दिन तक बड़े भुगतान रुकेंगे।";
        current_password: "Current password", "वर्तमान पासवर्ड";
        current_wrong: "This is not your current password.", "यह आपका वर्तमान पासवर्ड नहीं है।";
        password_button: "Change the password", "पासवर्ड बदलें";
        password_deed: "Change your password", "अपना पासवर्ड बदलें";
        times_local: "Times are Indian Standard Time.", "समय भारतीय मानक समय में हैं।";
    }
}
