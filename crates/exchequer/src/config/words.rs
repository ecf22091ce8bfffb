//! What stands in a password of a bank that has named no words of its own, and is therefore tried first.

/// Upper and lower case are one.
pub(super) const CONTEXT_WORDS: &str = "exchequer,bank,banking,netbanking,account,savings,treasury,ledger,vault,payment,\
                             transfer,customer,operator,teller,support,compliance,administrator,password,\
                             passphrase,welcome,signin,login";
