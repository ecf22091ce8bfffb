//! An account, its entries, its statements, and receipts.

use super::words;

words! {
    Accounts {
        bank: "The bank", "बैंक";
        frozen: "Frozen", "रोका गया";
        closed: "Closed", "बंद";
        posted: "Balance", "शेष";
        available: "Available", "उपलब्ध";
        held: "Reserved", "आरक्षित";
        number: "Account number", "खाता संख्या";
        entries: "Entries", "प्रविष्टियाँ";
        none: "There are no entries yet.", "अभी कोई प्रविष्टि नहीं है।";
        none_found: "No entry fits this search.", "इस खोज से कोई प्रविष्टि नहीं मिली।";
        none_so_far: "Nothing found so far.", "अब तक कुछ नहीं मिला।";
        further_back: "Search further back", "और पीछे खोजें";
        more: "Show earlier entries", "पहले की प्रविष्टियाँ दिखाएँ";
        after: "balance", "शेष";
        zone: "Days and times are Indian Standard Time (UTC+5:30).", "दिन और समय भारतीय मानक समय (UTC+5:30) के हैं।";
        chart_title: "Balance of {} over the last 90 days", "पिछले 90 दिनों में {} का शेष";
        chart_text: "Between {} and {} in the last 90 days", "पिछले 90 दिनों में {} से {} के बीच";
        today: "Today", "आज";
        filter: "Search and filter", "खोजें और छाँटें";
        search: "Name, words or account", "नाम, शब्द या खाता";
        search_hint: "A payee's name, a part of the memo, or of the other account's number.", "प्राप्तकर्ता का नाम, टिप्पणी का कोई भाग, या दूसरे खाते की संख्या का।";
        from_day: "From", "से";
        to_day: "To", "तक";
        min_amount: "At least", "कम से कम";
        max_amount: "At most", "अधिक से अधिक";
        direction: "Direction", "दिशा";
        both_ways: "In and out", "आया और गया";
        money_in: "Money in", "आया पैसा";
        money_out: "Money out", "गया पैसा";
        find: "Search", "खोजें";
        clear: "Show all", "सब दिखाएँ";
        no_day: "There is no such day.", "ऐसा कोई दिन नहीं है।";
        before_from: "The end is before the beginning.", "अंत शुरुआत से पहले है।";
        below_min: "This is less than the least.", "यह न्यूनतम से कम है।";
        statements: "Statements", "विवरण";
        statement_lead: "Every entry of a period, with the balances before and after.", "एक अवधि की हर प्रविष्टि, पहले और बाद के शेष के साथ।";
        statement_days: "Both days are included, 366 at most. A statement's days are UTC.", "दोनों दिन शामिल हैं, अधिकतम 366। विवरण के दिन UTC के हैं।";
        format: "File", "फ़ाइल";
        as_pdf: "PDF, to read and to print", "PDF, पढ़ने और छापने के लिए";
        as_csv: "CSV, for a spreadsheet", "CSV, स्प्रेडशीट के लिए";
        as_camt053: "camt.053 (ISO 20022), for accounting", "camt.053 (ISO 20022), लेखांकन के लिए";
        download: "Download", "डाउनलोड करें";
        open_title: "Open an account", "खाता खोलें";
        open_lead: "It is open at once and costs nothing.", "यह तुरंत खुलता है और मुफ़्त है।";
        name: "Name of the account", "खाते का नाम";
        name_hint: "Only you see it: household, holidays, taxes.", "यह केवल आपको दिखता है: घर, छुट्टियाँ, कर।";
        currency: "Currency", "मुद्रा";
        currency_hint: "It stays the account's currency.", "यही खाते की मुद्रा रहेगी।";
        open: "Open the account", "खाता खोलें";
        sent: "Money sent", "पैसा भेजा गया";
        received: "Money received", "पैसा मिला";
        moved: "Moved between your accounts", "आपके खातों के बीच भेजा गया";
        status: "Status", "स्थिति";
        status_posted: "Posted", "दर्ज";
        from: "From", "किससे";
        to: "To", "किसको";
        memo: "Memo", "टिप्पणी";
        posted_at: "Posted", "दर्ज हुआ";
        kind: "Kind", "प्रकार";
        kind_transfer: "Transfer", "ट्रांसफ़र";
        kind_deposit: "Deposit", "जमा";
        kind_withdrawal: "Withdrawal", "निकासी";
        kind_capture: "Capture of a reservation", "आरक्षित रकम का भुगतान";
        kind_reversal: "Reversal", "वापसी";
        kind_payout: "Payout", "भुगतान";
        kind_other: "Posting of the bank", "बैंक की प्रविष्टि";
        receipt_number: "Receipt number", "रसीद संख्या";
        reverses: "Takes back", "किसकी वापसी";
        reversed: "an earlier transfer", "पिछला ट्रांसफ़र";
        print: "Print", "छापें";
        signed: "Signed receipt", "हस्ताक्षरित रसीद";
        signed_hint: "The signed receipt is a file that anybody can check without the bank.", "हस्ताक्षरित रसीद एक फ़ाइल है जिसे कोई भी बैंक के बिना जाँच सकता है।";
        again: "Send again", "फिर भेजें";
        add_payee: "Add to your payees", "प्राप्तकर्ताओं में जोड़ें";
        to_account: "To the account", "खाते पर जाएँ";
        inr: "Indian rupee", "भारतीय रुपया";
        usd: "US dollar", "अमेरिकी डॉलर";
        eur: "Euro", "यूरो";
        gbp: "Pound sterling", "ब्रिटिश पाउंड";
        jpy: "Japanese yen", "जापानी येन";
        aed: "UAE dirham", "यूएई दिरहम";
        sgd: "Singapore dollar", "सिंगापुर डॉलर";
        aud: "Australian dollar", "ऑस्ट्रेलियाई डॉलर";
        cad: "Canadian dollar", "कनाडाई डॉलर";
        chf: "Swiss franc", "स्विस फ़्रैंक";
        kwd: "Kuwaiti dinar", "कुवैती दीनार";
    }
}

impl Accounts {
    /// What accounts are offered in, the country's own first; code and name.
    pub fn currencies(&self) -> [(&'static str, &'static str); 11] {
        [
            ("INR", self.inr),
            ("AED", self.aed),
            ("AUD", self.aud),
            ("CAD", self.cad),
            ("CHF", self.chf),
            ("EUR", self.eur),
            ("GBP", self.gbp),
            ("JPY", self.jpy),
            ("KWD", self.kwd),
            ("SGD", self.sgd),
            ("USD", self.usd),
        ]
    }
}
