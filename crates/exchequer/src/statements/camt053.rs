//! A statement as ISO 20022 camt.053.001.08, BankToCustomerStatement.
//!
//! Elements stand in the order of the schema and texts are cut to its lengths; the tests hold both against
//! a table of its rules. A memo or name is data of somebody else's: it is escaped, and what XML 1.0
//! cannot carry (§2.2) is replaced by U+FFFD. `CreDtTm` is the period's last second, not the moment of
//! the request, so that one statement is one file.

use std::fmt::Write as _;

use store::rows::TransferKind;

use super::model::{BANK_NAME, Entry, Side, Statement, Total, kind_name};

pub const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08";

/// Lengths of the schema's texts, in characters.
const MAX_35: usize = 35;
const MAX_34: usize = 34;
const MAX_70: usize = 70;
const MAX_140: usize = 140;

pub fn render(statement: &Statement) -> Vec<u8> {
    let mut xml = Xml::with_capacity(2_048 + statement.entries().len().saturating_mul(900));
    xml.0.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.within(&format!("Document xmlns=\"{NAMESPACE}\""), |xml| {
        xml.within("BkToCstmrStmt", |xml| {
            let made = statement.period().last_second().to_string();
            xml.within("GrpHdr", |xml| {
                // Max35Text holds 32 digits.
                xml.text("MsgId", &statement.id(), MAX_35);
                xml.plain("CreDtTm", &made);
            });
            xml.within("Stmt", |xml| {
                xml.text("Id", &statement.id(), MAX_35);
                xml.plain("CreDtTm", &made);
                xml.within("FrToDt", |xml| {
                    xml.plain("FrDtTm", &statement.period().start().to_string());
                    xml.plain("ToDtTm", &made);
                });
                account(xml, statement);
                balances(xml, statement);
                summary(xml, statement);
                for entry in statement.entries() {
                    line(xml, statement, entry);
                }
            });
        });
    });
    xml.0.push('\n');
    xml.0.into_bytes()
}

fn account(xml: &mut Xml, statement: &Statement) {
    let subject = statement.subject();
    xml.within("Acct", |xml| {
        other_id(xml, &subject.number);
        xml.plain("Ccy", subject.currency.code());
        xml.text("Nm", &subject.name, MAX_70);
        xml.within("Ownr", |xml| xml.text("Nm", &subject.owner, MAX_140));
        xml.within("Svcr", |xml| {
            xml.within("FinInstnId", |xml| xml.text("Nm", BANK_NAME, MAX_140));
        });
    });
}

/// An account's number is no IBAN.
fn other_id(xml: &mut Xml, number: &str) {
    xml.within("Id", |xml| xml.within("Othr", |xml| xml.text("Id", number, MAX_34)));
}

fn balances(xml: &mut Xml, statement: &Statement) {
    let period = statement.period();
    let both =
        [("OPBD", statement.opening(), period.from()), ("CLBD", statement.closing(), period.to())];
    for (code, minor, day) in both {
        xml.within("Bal", |xml| {
            xml.within("Tp", |xml| xml.within("CdOrPrtry", |xml| xml.plain("Cd", code)));
            amount(xml, statement, minor);
            xml.plain("CdtDbtInd", indicator(minor));
            xml.within("Dt", |xml| xml.plain("Dt", &day.to_string()));
        });
    }
}

fn summary(xml: &mut Xml, statement: &Statement) {
    let (credits, debits) = (statement.credits(), statement.debits());
    let net = credits.amount.saturating_sub(debits.amount);
    xml.within("TxsSummry", |xml| {
        xml.within("TtlNtries", |xml| {
            xml.plain("NbOfNtries", &(credits.count + debits.count).to_string());
            xml.within("TtlNetNtry", |xml| {
                xml.plain("Amt", &statement.unsigned(net));
                xml.plain("CdtDbtInd", indicator(net));
            });
        });
        let mut side = |name, total: Total| {
            xml.within(name, |xml| {
                xml.plain("NbOfNtries", &total.count.to_string());
                xml.plain("Sum", &statement.unsigned(total.amount));
            });
        };
        side("TtlCdtNtries", credits);
        side("TtlDbtNtries", debits);
    });
}

fn line(xml: &mut Xml, statement: &Statement, entry: &Entry) {
    let id = entry.transfer.to_string();
    let indicator = indicator(entry.signed());
    xml.within("Ntry", |xml| {
        xml.text("NtryRef", &entry.number.to_string(), MAX_35);
        amount(xml, statement, entry.amount);
        xml.plain("CdtDbtInd", indicator);
        if entry.kind == TransferKind::Reversal {
            xml.plain("RvslInd", "true");
        }
        xml.within("Sts", |xml| xml.plain("Cd", "BOOK"));
        for date in ["BookgDt", "ValDt"] {
            xml.within(date, |xml| xml.plain("DtTm", &entry.posted_at.to_string()));
        }
        xml.text("AcctSvcrRef", &id, MAX_35);
        transaction_code(xml, entry);
        xml.within("NtryDtls", |xml| {
            xml.within("TxDtls", |xml| {
                xml.within("Refs", |xml| xml.text("AcctSvcrRef", &id, MAX_35));
                amount(xml, statement, entry.amount);
                xml.plain("CdtDbtInd", indicator);
                if let Some(number) = entry.counterparty.as_deref() {
                    let party = match entry.side {
                        Side::Debit => "CdtrAcct",
                        Side::Credit => "DbtrAcct",
                    };
                    xml.within("RltdPties", |xml| xml.within(party, |xml| other_id(xml, number)));
                }
                if let Some(memo) = entry.memo.as_deref().filter(|memo| !memo.is_empty()) {
                    xml.within("RmtInf", |xml| xml.text("Ustrd", memo, MAX_140));
                }
            });
        });
        xml.text("AddtlNtryInf", kind_name(entry.kind), MAX_140);
    });
}

/// ISO 20022 external code sets, bank transaction codes: payments, by family and sub-family.
fn transaction_code(xml: &mut Xml, entry: &Entry) {
    let credit_transfer = match entry.side {
        Side::Debit => "ICDT",
        Side::Credit => "RCDT",
    };
    let (family, sub_family) = match entry.kind {
        TransferKind::Transfer | TransferKind::Capture | TransferKind::Payout => {
            (credit_transfer, "BOOK")
        }
        TransferKind::Deposit => ("CNTR", "CDPT"),
        TransferKind::Withdrawal => ("CNTR", "CWDL"),
        TransferKind::Reversal => (credit_transfer, "RRTN"),
        TransferKind::CardCapture => ("MCRD", "POSC"),
        TransferKind::CardFee | TransferKind::GatewayFee => ("MCRD", "CHRG"),
        TransferKind::RefundSetAside
        | TransferKind::RefundPaid
        | TransferKind::RefundReturned
        | TransferKind::Difference
        | TransferKind::ChargeReversed => ("MCRD", "OTHR"),
    };
    xml.within("BkTxCd", |xml| {
        xml.within("Domn", |xml| {
            xml.plain("Cd", "PMNT");
            xml.within("Fmly", |xml| {
                xml.plain("Cd", family);
                xml.plain("SubFmlyCd", sub_family);
            });
        });
    });
}

fn amount(xml: &mut Xml, statement: &Statement, minor: i64) {
    let (amount, currency) = (statement.unsigned(minor), statement.subject().currency);
    xml.put(format_args!("<Amt Ccy=\"{currency}\">{amount}</Amt>"));
}

fn indicator(minor: i64) -> &'static str {
    if minor < 0 { "DBIT" } else { "CRDT" }
}

struct Xml(String);

impl Xml {
    fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// An element around others; `tag` may have attributes.
    fn within(&mut self, tag: &str, inside: impl FnOnce(&mut Self)) {
        let name = tag.split(' ').next().unwrap_or(tag);
        self.put(format_args!("<{tag}>"));
        inside(self);
        self.put(format_args!("</{name}>"));
    }

    /// A text of our own, without anything to escape.
    fn plain(&mut self, name: &str, text: &str) {
        self.put(format_args!("<{name}>{text}</{name}>"));
    }

    /// Anybody's text, cut to `most` characters. Nothing is written for an empty one: the schema's texts
    /// have at least one character.
    fn text(&mut self, name: &str, text: &str, most: usize) {
        if text.is_empty() {
            return;
        }
        self.put(format_args!("<{name}>"));
        for c in text.chars().take(most) {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\t' | '\n' | '\r' => self.0.push(' '),
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                    self.0.push(char::REPLACEMENT_CHARACTER);
                }
                c => self.0.push(c),
            }
        }
        self.put(format_args!("</{name}>"));
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _written = self.0.write_fmt(text);
    }
}

#[cfg(test)]
mod tests;
