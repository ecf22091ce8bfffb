//! What stands on every page, and on those that say what went wrong.

use super::words;

words! {
    Layout {
        bank: "Exchequer", "Exchequer";
        skip: "Skip to content", "मुख्य सामग्री पर जाएँ";
        navigation: "Main", "मुख्य";
        overview: "Overview", "सारांश";
        send: "Send money", "पैसे भेजें";
        payees: "Payees", "प्राप्तकर्ता";
        security: "Security", "सुरक्षा";
        inbox: "Demo inbox", "डेमो इनबॉक्स";
        sign_in: "Sign in", "साइन इन करें";
        sign_up: "Become a customer", "ग्राहक बनें";
        sign_out: "Sign out", "साइन आउट करें";
        language: "Language", "भाषा";
        demo: "This is a demo bank. Nothing here is real money.", "यह एक डेमो बैंक है। यहाँ का पैसा असली नहीं है।";
        foot: "Every transfer is posted once, and every change leaves a trace.", "हर भुगतान एक ही बार होता है, और हर बदलाव का निशान रहता है।";
        reference: "API reference", "API संदर्भ";
        back: "Back", "वापस";
        cancel: "Cancel", "रद्द करें";
        more: "Show more", "और दिखाएँ";
        idle_title: "Are you still there?", "क्या आप अभी भी यहाँ हैं?";
        idle_text: "For your safety you will be signed out in {} seconds.", "आपकी सुरक्षा के लिए आपको {} सेकंड में साइन आउट कर दिया जाएगा।";
        idle_stay: "Stay signed in", "साइन इन रहें";
        copy: "Copy", "कॉपी करें";
        copied: "Copied", "कॉपी हो गया";
    }
}

words! {
    Trouble {
        not_found: "There is nothing here", "यहाँ कुछ नहीं है";
        not_found_text: "The address may be mistyped, or what was here is not yours to see.", "पता गलत हो सकता है, या यह आपके देखने के लिए नहीं है।";
        stale: "This form is too old", "यह फ़ॉर्म पुराना हो गया है";
        stale_text: "Nothing was done. Go back, load the page again and send the form once more.", "कुछ नहीं हुआ। वापस जाएँ, पेज फिर से खोलें और फ़ॉर्म दोबारा भेजें।";
        elsewhere: "This form came from another site", "यह फ़ॉर्म किसी दूसरी साइट से आया है";
        elsewhere_text: "Nothing was done. If you did not mean to send it, you need not do anything.", "कुछ नहीं हुआ। अगर आपने इसे नहीं भेजा, तो आपको कुछ करने की ज़रूरत नहीं है।";
        no_form: "This could not be read", "यह पढ़ा नहीं जा सका";
        no_form_text: "Nothing was done. Go back and send the form once more.", "कुछ नहीं हुआ। वापस जाएँ और फ़ॉर्म दोबारा भेजें।";
        refused: "That was not possible", "यह नहीं हो सका";
        forbidden_text: "Your role may not do this.", "आपकी भूमिका को इसकी अनुमति नहीं है।";
        failed: "Something went wrong on our side", "हमारी ओर कुछ गड़बड़ हुई";
        failed_text: "Nothing was half done. Please try again in a moment.", "कुछ भी अधूरा नहीं रहा। कृपया थोड़ी देर में फिर कोशिश करें।";
        reference: "If you ask us about it, tell us this number: {}", "हमसे पूछते समय यह संख्या बताएँ: {}";
        again_in: "You can try again in {} min.", "आप {} मिनट बाद फिर कोशिश कर सकते हैं।";
        summary: "Please look at what is marked below.", "कृपया नीचे चिह्नित जगहें देखें।";
    }
}
