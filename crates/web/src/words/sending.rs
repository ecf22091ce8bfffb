//! Sending money: the form, the review, what may keep it back.

use super::words;

words! {
    Sending {
        title: "Send money", "पैसे भेजें";
        lead: "You will see everything once more before anything is sent.", "कुछ भी भेजने से पहले आप सब कुछ एक बार फिर देखेंगे।";
        no_account: "You need an account to send money from.", "पैसे भेजने के लिए एक खाता चाहिए।";
        from: "From", "किस खाते से";
        payee: "To", "किसको";
        somebody_new: "Somebody else: number and name below", "कोई और: नीचे संख्या और नाम";
        own_account: "your account", "आपका खाता";
        to: "Account number", "खाता संख्या";
        to_hint: "As EX12 3456 7890 1234 56.", "जैसे EX12 3456 7890 1234 56।";
        name: "Name of the account's holder", "खाताधारक का नाम";
        new_payee: "Somebody who is not on your list", "जो आपकी सूची में नहीं है";
        name_hint: "It is compared with the bank's own record.", "इसका मिलान बैंक के अभिलेख से होता है।";
        amount: "Amount", "रकम";
        amount_hint: "As 1,234.50, in the account's currency.", "जैसे 1,234.50, खाते की मुद्रा में।";
        memo: "Memo (optional)", "टिप्पणी (वैकल्पिक)";
        memo_hint: "The payee reads it too, at most 140 characters.", "इसे प्राप्तकर्ता भी पढ़ेगा, अधिकतम 140 अक्षर।";
        next: "Review", "जाँचें";
        choose_account: "Choose one of your accounts.", "अपना कोई खाता चुनें।";
        choose_payee: "Choose a payee, or type a number and a name.", "प्राप्तकर्ता चुनें, या संख्या और नाम लिखें।";
        either: "A payee is chosen above and a number typed here. Leave one of them out.", "ऊपर प्राप्तकर्ता चुना है और यहाँ संख्या लिखी है। इनमें से एक हटाएँ।";
        need_number: "Type the account number.", "खाता संख्या लिखें।";
        need_name: "Type the name of the account's holder.", "खाताधारक का नाम लिखें।";
        same_account: "Money cannot go from an account to itself.", "किसी खाते से उसी खाते में पैसा नहीं जा सकता।";
        bad_number: "This is no account number of this bank. It is two letters and 16 digits: please check each of them.", "यह इस बैंक की खाता संख्या नहीं है। उसमें दो अक्षर और 16 अंक होते हैं: कृपया हर एक को जाँचें।";
        review_title: "Check before you send", "भेजने से पहले जाँचें";
        review_lead: "Nothing has been sent yet.", "अभी कुछ नहीं भेजा गया है।";
        left: "Available afterwards", "इसके बाद उपलब्ध";
        too_little: "This is more than is available in the account right now.", "यह अभी खाते में उपलब्ध रकम से अधिक है।";
        too_much: "This is more than is available: {}.", "यह उपलब्ध रकम से अधिक है: {}।";
        own_limit: "Your own limit for “{}” leaves {}. You can change it under Security, Limits.", "“{}” के लिए आपकी अपनी सीमा में {} बचा है। इसे सुरक्षा, सीमाएँ में बदल सकते हैं।";
        send_amount: "Send {}", "{} भेजें";
        edit: "Change", "बदलें";
        match_text: "The name is that of the account's holder.", "नाम खाताधारक के नाम से मेल खाता है।";
        close_text: "The name is close, but not the same. The holder's name begins like this: {}", "नाम मिलता-जुलता है, पर वही नहीं। खाताधारक का नाम ऐसे शुरू होता है: {}";
        no_match_text: "The name is not that of this account's holder, or there is no such account. Ask the payee before you send.", "यह इस खाते के धारक का नाम नहीं है, या ऐसा खाता नहीं है। भेजने से पहले प्राप्तकर्ता से पूछें।";
        unchecked_text: "The name could not be compared. Check the number with the payee.", "नाम का मिलान नहीं हो सका। संख्या प्राप्तकर्ता से जाँच लें।";
        already_title: "This was already sent", "यह पहले ही भेजा जा चुका है";
        already_text: "This form was sent before, with other values. Nothing was sent a second time. Look at the latest entries first.", "यह फ़ॉर्म पहले दूसरे मानों के साथ भेजा गया था। दूसरी बार कुछ नहीं भेजा गया। पहले नवीनतम प्रविष्टियाँ देखें।";
        latest: "Latest entries", "नवीनतम प्रविष्टियाँ";
        another: "A new payment", "नया भुगतान";
        set_up_factor: "Set up a second factor", "दूसरा प्रमाण सेट करें";
    }
}
