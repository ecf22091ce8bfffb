//! Showing a second factor for one act.

use super::words;

words! {
    StepUp {
        title: "Confirm that it is you", "पुष्टि करें कि यह आप ही हैं";
        lead: "Check what you are about to do, then confirm it.", "देख लें कि आप क्या करने जा रहे हैं, फिर पुष्टि करें।";
        totp: "Code from your authenticator app", "आपके प्रमाणक ऐप का कोड";
        sms: "Code from the text message", "SMS में आया कोड";
        email: "Code from the e-mail", "ई-मेल में आया कोड";
        recovery_code: "One of your recovery codes", "आपका एक रिकवरी कोड";
        password: "Your password", "आपका पासवर्ड";
        other: "Code", "कोड";
        send_sms: "Send me a text message", "मुझे SMS भेजें";
        send_email: "Send me an e-mail", "मुझे ई-मेल भेजें";
        sent: "A code is on its way. It is good for five minutes.", "कोड भेज दिया गया है। यह पाँच मिनट तक चलेगा।";
        key: "Use a security key or passkey", "सुरक्षा कुंजी या पासकी का उपयोग करें";
        key_failed: "The key did not answer. Try again, or use another way.", "कुंजी ने उत्तर नहीं दिया। फिर कोशिश करें या दूसरा तरीका चुनें।";
        another: "Another way", "दूसरा तरीका";
        key_lead: "Touch the key, or use your fingerprint, face or PIN when your device asks.", "जब आपका उपकरण पूछे तो कुंजी को छुएँ, या फ़िंगरप्रिंट, चेहरे या पिन का उपयोग करें।";
        no_keys: "Security keys and passkeys need a browser that knows them, with scripts allowed, and an address with a name: for a demo on this computer “localhost”, not 127.0.0.1.", "सुरक्षा कुंजी और पासकी के लिए ऐसा ब्राउज़र चाहिए जो उन्हें जानता हो, जिसमें स्क्रिप्ट चालू हों, और पता नाम वाला हो: इस कंप्यूटर के डेमो के लिए “localhost”, 127.0.0.1 नहीं।";
        not_a_code: "That is not how such a code looks. Check it and type it again.", "ऐसा कोड इस तरह का नहीं होता। जाँच कर फिर से लिखें।";
        again: "Begin again", "फिर से शुरू करें";
        confirm: "Confirm", "पुष्टि करें";
    }
}
