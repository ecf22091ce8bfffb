//! The list of payees.

use super::words;

words! {
    Payees {
        title: "Payees", "प्राप्तकर्ता";
        lead: "Whom you pay, under names of your own.", "जिन्हें आप पैसे भेजते हैं, आपके दिए नामों से।";
        none: "There is nobody on your list yet.", "आपकी सूची में अभी कोई नहीं है।";
        add: "Add a payee", "प्राप्तकर्ता जोड़ें";
        ready: "Ready", "तैयार";
        cooling: "New: large amounts from {}", "नया: बड़ी रकम {} से";
        added: "Added", "जोड़ा गया";
        send: "Send money", "पैसे भेजें";
        send_to: "Send money to {}", "{} को पैसे भेजें";
        remove: "Remove", "हटाएँ";
        remove_who: "Remove {}", "{} को हटाएँ";
        remove_title: "Remove this payee?", "इस प्राप्तकर्ता को हटाएँ?";
        remove_text: "Entries and receipts stay. To pay them again, add them anew; they then count as new.", "प्रविष्टियाँ और रसीदें रहेंगी। फिर भेजने के लिए दोबारा जोड़ें; तब वे नए माने जाएँगे।";
        add_lead: "Their name is compared with the bank's own record before they are added.", "जोड़ने से पहले नाम का मिलान बैंक के अभिलेख से होता है।";
        review_title: "Check before you add", "जोड़ने से पहले जाँचें";
        review_lead: "Nobody has been added yet.", "अभी किसी को नहीं जोड़ा गया है।";
        confirm_add: "Add", "जोड़ें";
        own_hint: "One of your own accounts needs no entry here.", "आपके अपने खाते को यहाँ जोड़ने की ज़रूरत नहीं है।";
        name: "Name", "नाम";
    }
}
