//! Texts as people write them under a payment: none of them is an attack, and many look like one to a program.

use money::Rng;

/// Written down because a rule somewhere fires on each.
const NOTABLE: [&str; 56] = [
    "O'Brien's half of the rent",
    "D'Souza & Sons, invoice #42",
    "select a table from IKEA",
    "please drop table 5 and update the seating; insert one more guest",
    "union fees for May (select committee)",
    "rent 1=1 month; 2=2 months",
    "I <3 you",
    "<3 <3 <3",
    "a < b && b > c",
    "50% off -- thanks!",
    "for the cat; and the dog",
    "cat food; ls of what else we need",
    "echo the dot: 2 pcs | 1 cable",
    "curl cream and wget... just kidding",
    "ping me when it is there",
    "/etc: see the list",
    "../ is what the form showed me",
    "C:\\Users\\asha\\bill.pdf",
    "file:///home/asha/bill.pdf",
    "http://203.0.113.5/invoice?id=7",
    "see https://shop.example/order?id=42&ref=a%20b",
    "javascript: the good parts (book)",
    "<script> course, part 2",
    "<b>thanks</b>",
    "onload=yes, says the driver",
    "if (paid) { thank(you); }",
    "for i in range(12): rent",
    "SELECT * FROM menu WHERE price < 200;",
    "'; -- that was my cat on the keyboard",
    "\" or \"\" = \"",
    "sleep(5) well!",
    "exec committee dinner",
    "system(s) engineering fee",
    "php elephant toy",
    "<?xml is what the ticket says",
    "${amount} was not filled in",
    "{{name}} wrote this",
    "$(date) in the template, sorry",
    "`quoted`",
    "() { that's a smiley }",
    "#hashtag @home *stars* _under_",
    "GET / HTTP/1.1 is on my t-shirt",
    "Content-Type: biscuits",
    "Set-Cookie: chocolate",
    "0x41 and 0xDEADBEEF stickers",
    "1;2;3;4;5",
    "a=1&b=2&c=3",
    "50,000.00 ₹ / 599.99 € / $12.50",
    "किराया जनवरी; धन्यवाद!",
    "चाय और समोसा — ₹120/-",
    "दवा (50%) और फल",
    "🙏🏽 धन्यवाद 👨‍👩‍👧‍👦",
    "🎂 + 🍕 = 🎉",
    "ﷺ",
    "نقد",
    "日本語のメモ",
];

const WHO: [&str; 12] = [
    "O'Brien",
    "Asha",
    "Mr. & Mrs. Sharma",
    "D'Souza",
    "आशा",
    "मोहन जी",
    "A/C dept.",
    "Bela <bela@example.test>",
    "IKEA",
    "the \"Union\" shop",
    "M/s Patel + Co.",
    "नमिता",
];
const WHAT: [&str; 14] = [
    "rent",
    "school fees",
    "tickets; seats 4, 5 & 6",
    "select committee dinner",
    "drop-off charges",
    "chai @ 20/-",
    "medicine (50%)",
    "table for 2",
    "किराया",
    "फीस",
    "insert coins",
    "update of the kitchen",
    "exec MBA",
    "half of 1/2",
];
const WHEN: [&str; 10] = [
    "for May",
    "01/02/2026",
    "2026-01-31",
    "Q1'26",
    "#2026-113",
    "जनवरी",
    "-- late, sorry",
    "(1 of 3)",
    "p/w 12:30",
    "asap!!",
];
const END: [&str; 10] =
    ["", " <3", " 🙏", ";", "...", " -- thanks", " :-)", " 100%", " = ok", " / धन्यवाद"];

/// So many, the notable ones first; the same for the same seed.
pub fn memos(rng: &Rng, count: usize) -> Vec<String> {
    let mut memos: Vec<String> = NOTABLE.iter().map(|memo| (*memo).to_owned()).collect();
    while memos.len() < count {
        let of = |words: &[&str]| {
            let place = rng.below(u32::try_from(words.len()).expect("a small list"));
            words[usize::try_from(place).expect("a place of it")].to_owned()
        };
        let (who, what) = (of(&WHO), of(&WHAT));
        let (when, end) = (of(&WHEN), of(&END));
        memos.push(format!("{who}: {what} {when}{end}"));
    }
    memos.truncate(count);
    memos
}
