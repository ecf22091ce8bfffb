//! Why an amount was not understood.

use super::words;

words! {
    Typed {
        empty: "Type an amount.", "रकम लिखें।";
        unknown_currency: "There is no such currency.", "ऐसी कोई मुद्रा नहीं है।";
        other_currency: "This is another currency than the account's.", "यह खाते की मुद्रा नहीं है।";
        negative: "Type the amount without a minus.", "रकम बिना ऋण चिह्न के लिखें।";
        unreadable: "Type the amount in digits, as 1,234.50.", "रकम अंकों में लिखें, जैसे 1,234.50।";
        two_points: "There are two points in it. Use one, before the smallest part.", "इसमें दो बिंदु हैं। केवल एक लिखें, सबसे छोटे भाग से पहले।";
        comma_as_point: "Use a point for the smallest part, as 12.50: a comma only groups thousands.", "छोटे भाग के लिए बिंदु लिखें, जैसे 12.50: अल्पविराम केवल हज़ार अलग करता है।";
        uneven_groups: "The commas do not stand where thousands or lakhs begin. Check the amount, or leave them out.", "अल्पविराम हज़ार या लाख की जगह पर नहीं हैं। रकम देखें या उन्हें हटा दें।";
        too_many_digits: "There are more digits after the point than this currency has.", "बिंदु के बाद इस मुद्रा से अधिक अंक हैं।";
        zero: "Type an amount above zero.", "शून्य से अधिक रकम लिखें।";
        too_large: "No single amount can be this large.", "कोई एक रकम इतनी बड़ी नहीं हो सकती।";
    }
}
