//! The rules of camt.053.001.08 that a statement of ours meets: for each element its children in their
//! order, how often each may come, and what a text looks like.
//!
//! From ISO 20022's message definition, for the elements that are written; what is not in the table is
//! refused, so that a new element needs its rule.

use roxmltree::{Document, Node};

use super::NAMESPACE;

/// What an element holds.
enum Holds {
    /// Children in this order, each at least and at most so often.
    Sequence(&'static [(&'static str, usize, usize)]),
    /// Exactly one of these.
    Choice(&'static [&'static str]),
    Text(fn(&str) -> bool),
    /// A decimal with the currency as its attribute.
    Amount,
}
use Holds::{Amount, Choice, Sequence, Text};

const MANY: usize = usize::MAX;

/// By the end of the path: the longest one that fits.
#[rustfmt::skip] // a table
const RULES: &[(&str, Holds)] = &[
    ("Document", Sequence(&[("BkToCstmrStmt", 1, 1)])),
    ("BkToCstmrStmt", Sequence(&[("GrpHdr", 1, 1), ("Stmt", 1, MANY), ("SplmtryData", 0, MANY)])),
    ("GrpHdr", Sequence(&[("MsgId", 1, 1), ("CreDtTm", 1, 1), ("MsgRcpt", 0, 1), ("MsgPgntn", 0, 1), ("OrgnlBizQry", 0, 1), ("AddtlInf", 0, 1)])),
    ("Stmt", Sequence(&[
        ("Id", 1, 1), ("StmtPgntn", 0, 1), ("ElctrncSeqNb", 0, 1), ("RptgSeq", 0, 1), ("LglSeqNb", 0, 1), ("CreDtTm", 0, 1),
        ("FrToDt", 0, 1), ("CpyDplctInd", 0, 1), ("RptgSrc", 0, 1), ("Acct", 1, 1), ("RltdAcct", 0, 1), ("Intrst", 0, MANY),
        ("Bal", 1, MANY), ("TxsSummry", 0, 1), ("Ntry", 0, MANY), ("AddtlStmtInf", 0, 1),
    ])),
    ("FrToDt", Sequence(&[("FrDtTm", 1, 1), ("ToDtTm", 1, 1)])),
    ("Acct", Sequence(&[("Id", 1, 1), ("Tp", 0, 1), ("Ccy", 0, 1), ("Nm", 0, 1), ("Prxy", 0, 1), ("Ownr", 0, 1), ("Svcr", 0, 1)])),
    ("DbtrAcct", Sequence(&[("Id", 1, 1), ("Tp", 0, 1), ("Ccy", 0, 1), ("Nm", 0, 1), ("Prxy", 0, 1)])),
    ("CdtrAcct", Sequence(&[("Id", 1, 1), ("Tp", 0, 1), ("Ccy", 0, 1), ("Nm", 0, 1), ("Prxy", 0, 1)])),
    ("Acct/Id", Choice(&["IBAN", "Othr"])),
    ("DbtrAcct/Id", Choice(&["IBAN", "Othr"])),
    ("CdtrAcct/Id", Choice(&["IBAN", "Othr"])),
    ("Othr", Sequence(&[("Id", 1, 1), ("SchmeNm", 0, 1), ("Issr", 0, 1)])),
    ("Othr/Id", Text(max_34)),
    ("Ownr", Sequence(&[("Nm", 0, 1), ("PstlAdr", 0, 1), ("Id", 0, 1), ("CtryOfRes", 0, 1), ("CtctDtls", 0, 1)])),
    ("Ownr/Nm", Text(max_140)),
    ("Svcr", Sequence(&[("FinInstnId", 1, 1), ("BrnchId", 0, 1)])),
    ("FinInstnId", Sequence(&[("BICFI", 0, 1), ("ClrSysMmbId", 0, 1), ("LEI", 0, 1), ("Nm", 0, 1), ("PstlAdr", 0, 1), ("Othr", 0, 1)])),
    ("FinInstnId/Nm", Text(max_140)),
    ("Acct/Nm", Text(max_70)),
    ("Acct/Ccy", Text(currency)),
    ("Bal", Sequence(&[("Tp", 1, 1), ("CdtLine", 0, MANY), ("Amt", 1, 1), ("CdtDbtInd", 1, 1), ("Dt", 1, 1), ("Avlbty", 0, MANY)])),
    ("Bal/Tp", Sequence(&[("CdOrPrtry", 1, 1), ("SubTp", 0, 1)])),
    ("CdOrPrtry", Choice(&["Cd", "Prtry"])),
    ("CdOrPrtry/Cd", Text(|text| ["OPBD", "CLBD"].contains(&text))),
    ("Bal/Dt", Choice(&["Dt", "DtTm"])),
    ("Dt/Dt", Text(date)),
    ("TxsSummry", Sequence(&[("TtlNtries", 0, 1), ("TtlCdtNtries", 0, 1), ("TtlDbtNtries", 0, 1), ("TtlCxlNtries", 0, 1), ("TtlNtriesPerBkTxCd", 0, MANY)])),
    ("TtlNtries", Sequence(&[("NbOfNtries", 0, 1), ("Sum", 0, 1), ("TtlNetNtry", 0, 1)])),
    ("TtlNetNtry", Sequence(&[("Amt", 1, 1), ("CdtDbtInd", 1, 1)])),
    ("TtlNetNtry/Amt", Text(decimal)),
    ("TtlCdtNtries", Sequence(&[("NbOfNtries", 0, 1), ("Sum", 0, 1)])),
    ("TtlDbtNtries", Sequence(&[("NbOfNtries", 0, 1), ("Sum", 0, 1)])),
    ("NbOfNtries", Text(|text| (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))),
    ("Sum", Text(decimal)),
    ("Ntry", Sequence(&[
        ("NtryRef", 0, 1), ("Amt", 1, 1), ("CdtDbtInd", 1, 1), ("RvslInd", 0, 1), ("Sts", 1, 1), ("BookgDt", 0, 1), ("ValDt", 0, 1),
        ("AcctSvcrRef", 0, 1), ("Avlbty", 0, MANY), ("BkTxCd", 1, 1), ("ComssnWvrInd", 0, 1), ("AddtlInfInd", 0, 1), ("AmtDtls", 0, 1),
        ("Chrgs", 0, 1), ("TechInptChanl", 0, 1), ("Intrst", 0, 1), ("CardTx", 0, 1), ("NtryDtls", 0, MANY), ("AddtlNtryInf", 0, 1),
    ])),
    ("NtryRef", Text(max_35)),
    ("RvslInd", Text(|text| ["true", "false"].contains(&text))),
    ("Sts", Choice(&["Cd", "Prtry"])),
    ("Sts/Cd", Text(|text| ["BOOK", "PDNG", "INFO", "FUTR"].contains(&text))),
    ("BookgDt", Choice(&["Dt", "DtTm"])),
    ("ValDt", Choice(&["Dt", "DtTm"])),
    ("DtTm", Text(date_time)),
    ("BkTxCd", Sequence(&[("Domn", 0, 1), ("Prtry", 0, 1)])),
    ("Domn", Sequence(&[("Cd", 1, 1), ("Fmly", 1, 1)])),
    ("Fmly", Sequence(&[("Cd", 1, 1), ("SubFmlyCd", 1, 1)])),
    ("Domn/Cd", Text(code)),
    ("Fmly/Cd", Text(code)),
    ("SubFmlyCd", Text(code)),
    ("NtryDtls", Sequence(&[("Btch", 0, 1), ("TxDtls", 0, MANY)])),
    ("TxDtls", Sequence(&[
        ("Refs", 0, 1), ("Amt", 0, 1), ("CdtDbtInd", 0, 1), ("AmtDtls", 0, 1), ("Avlbty", 0, MANY), ("BkTxCd", 0, 1), ("Chrgs", 0, 1),
        ("Intrst", 0, 1), ("RltdPties", 0, 1), ("RltdAgts", 0, 1), ("LclInstrm", 0, 1), ("Purp", 0, 1), ("RltdRmtInf", 0, 10),
        ("RmtInf", 0, 1), ("RltdDts", 0, 1), ("RltdPric", 0, 1), ("RltdQties", 0, MANY), ("FinInstrmId", 0, 1), ("Tax", 0, 1),
        ("RtrInf", 0, 1), ("CorpActn", 0, 1), ("SfkpgAcct", 0, 1), ("CshDpst", 0, MANY), ("CardTx", 0, 1), ("AddtlTxInf", 0, 1),
    ])),
    ("Refs", Sequence(&[("MsgId", 0, 1), ("AcctSvcrRef", 0, 1), ("PmtInfId", 0, 1), ("InstrId", 0, 1), ("EndToEndId", 0, 1), ("UETR", 0, 1), ("TxId", 0, 1)])),
    ("RltdPties", Sequence(&[("InitgPty", 0, 1), ("Dbtr", 0, 1), ("DbtrAcct", 0, 1), ("UltmtDbtr", 0, 1), ("Cdtr", 0, 1), ("CdtrAcct", 0, 1), ("UltmtCdtr", 0, 1)])),
    ("RmtInf", Sequence(&[("Ustrd", 0, MANY), ("Strd", 0, MANY)])),
    ("Ustrd", Text(max_140)),
    ("AddtlNtryInf", Text(max_500)),
    ("AcctSvcrRef", Text(max_35)),
    ("MsgId", Text(max_35)),
    ("Stmt/Id", Text(max_35)),
    ("CreDtTm", Text(date_time)),
    ("FrDtTm", Text(date_time)),
    ("ToDtTm", Text(date_time)),
    ("CdtDbtInd", Text(|text| ["CRDT", "DBIT"].contains(&text))),
    ("Amt", Amount),
];

pub fn check(document: &Document<'_>) {
    let root = document.root_element();
    assert_eq!(root.tag_name().namespace(), Some(NAMESPACE));
    element(root, "");
}

fn element(node: Node<'_, '_>, within: &str) {
    let path = format!("{within}/{}", node.tag_name().name());
    assert_eq!(node.tag_name().namespace(), Some(NAMESPACE), "{path}");
    let fits = |rule: &str| path.ends_with(&format!("/{rule}"));
    let rule = RULES.iter().filter(|(rule, _)| fits(rule)).max_by_key(|(rule, _)| rule.len());
    let (_, holds) = rule.unwrap_or_else(|| panic!("no rule for {path}"));
    let is_amount = matches!(holds, Amount);
    assert_eq!(node.attributes().len(), usize::from(is_amount), "attributes of {path}");
    match holds {
        Sequence(wanted) => sequence(node, &path, wanted),
        Choice(names) => {
            let [one] = children(node)[..] else { panic!("{path} is a choice of one") };
            assert!(names.contains(&one.tag_name().name()), "{path}");
        }
        Text(is_right) => assert!(is_right(text(node, &path)), "{path}: {:?}", node.text()),
        Amount => {
            assert!(currency(node.attribute("Ccy").unwrap_or_default()), "{path}");
            let digits = text(node, &path);
            let fraction = digits.split_once('.').map_or("", |(_, fraction)| fraction);
            assert!(decimal(digits) && fraction.len() <= 5, "{path}: {digits}");
        }
    }
    for child in children(node) {
        element(child, &path);
    }
}

fn sequence(node: Node<'_, '_>, path: &str, wanted: &[(&str, usize, usize)]) {
    let names: Vec<&str> = children(node).iter().map(|child| child.tag_name().name()).collect();
    let mut rest = names.as_slice();
    for (name, least, most) in wanted {
        let count = rest.iter().take_while(|found| *found == name).count();
        assert!((*least..=*most).contains(&count), "{count} of {name} in {path}: {names:?}");
        rest = &rest[count..];
    }
    assert!(rest.is_empty(), "{rest:?} in {path} is not in its place");
    assert!(!names.is_empty(), "{path} is empty");
}

fn children<'a, 'd>(node: Node<'a, 'd>) -> Vec<Node<'a, 'd>> {
    node.children().filter(Node::is_element).collect()
}

fn text<'a>(node: Node<'a, '_>, path: &str) -> &'a str {
    assert!(children(node).is_empty(), "{path} holds elements");
    node.text().unwrap_or_default()
}

fn within(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count())
}

fn max_34(text: &str) -> bool {
    within(text, 34)
}

fn max_35(text: &str) -> bool {
    within(text, 35)
}

fn max_70(text: &str) -> bool {
    within(text, 70)
}

fn max_140(text: &str) -> bool {
    within(text, 140)
}

fn max_500(text: &str) -> bool {
    within(text, 500)
}

/// External code sets: one to four characters.
fn code(text: &str) -> bool {
    within(text, 4) && text.bytes().all(|b| b.is_ascii_uppercase())
}

fn currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

fn date(text: &str) -> bool {
    text.len() == 10 && date_time(&format!("{text}T00:00:00Z"))
}

fn date_time(text: &str) -> bool {
    text.parse::<money::Timestamp>().is_ok()
}

/// At most 18 digits, not negative.
fn decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(fraction) && text.bytes().filter(u8::is_ascii_digit).count() <= 18
}
