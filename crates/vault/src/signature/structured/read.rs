//! Parsing (RFC 8941 §4.2): one byte of look-ahead, no recursion, no way back.

use super::{
    Bare, Dictionary, Fault, InnerList, Item, MAX_FIELD_BYTES, MAX_ITEMS, MAX_MEMBERS,
    MAX_PARAMETERS, Member, Parameters,
};
use data_encoding::BASE64;

/// RFC 8941 §3.3.1.
const MAX_INTEGER_DIGITS: usize = 15;

/// Longest key: longer than every registered one.
const MAX_KEY_CHARS: usize = 64;

impl Dictionary {
    /// The members of all lines together, no line being an empty dictionary. Errors: [`Fault`].
    pub fn read<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Result<Self, Fault> {
        let mut dictionary = Self::default();
        let mut length = 0_usize;
        for line in lines {
            length = length.saturating_add(line.len());
            if length > MAX_FIELD_BYTES {
                return Err(Fault::TooLong);
            }
            dictionary.read_line(&mut Reader { rest: line })?;
        }
        Ok(dictionary)
    }

    /// §4.2.2.
    fn read_line(&mut self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        reader.skip_spaces();
        if reader.rest.is_empty() {
            return Ok(());
        }
        loop {
            let key = reader.key()?;
            let member = reader.member()?;
            if self.get(&key).is_some() {
                return Err(Fault::Repeated);
            }
            if self.0.len() >= MAX_MEMBERS {
                return Err(Fault::TooMany);
            }
            self.0.push((key, member));
            reader.skip_blanks();
            if reader.rest.is_empty() {
                return Ok(());
            }
            reader.expect(b',')?;
            reader.skip_blanks();
        }
    }
}

struct Reader<'t> {
    rest: &'t [u8],
}

impl<'t> Reader<'t> {
    /// What follows a key of a dictionary.
    fn member(&mut self) -> Result<Member, Fault> {
        if !self.take(b'=') {
            let parameters = self.parameters()?;
            return Ok(Member::Item(Item { value: Bare::Boolean(true), parameters }));
        }
        if self.peek() == Some(b'(') {
            return self.inner_list().map(Member::InnerList);
        }
        self.item().map(Member::Item)
    }

    /// §4.2.1.2.
    fn inner_list(&mut self) -> Result<InnerList, Fault> {
        self.expect(b'(')?;
        let mut items = Vec::new();
        loop {
            self.skip_spaces();
            if self.take(b')') {
                return Ok(InnerList { items, parameters: self.parameters()? });
            }
            if items.len() >= MAX_ITEMS {
                return Err(Fault::TooMany);
            }
            items.push(self.item()?);
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return Err(Fault::Syntax);
            }
        }
    }

    /// §4.2.3.
    fn item(&mut self) -> Result<Item, Fault> {
        Ok(Item { value: self.bare()?, parameters: self.parameters()? })
    }

    /// §4.2.3.1.
    fn bare(&mut self) -> Result<Bare, Fault> {
        match self.peek().ok_or(Fault::Syntax)? {
            b'-' | b'0'..=b'9' => self.integer(),
            b'"' => self.string(),
            b':' => self.bytes(),
            b'?' => self.boolean(),
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                Ok(Bare::Token(text(self.take_while(is_token_byte))))
            }
            // RFC 9651: a date and a display string.
            b'@' | b'%' => Err(Fault::Unsupported),
            _ => Err(Fault::Syntax),
        }
    }

    /// §4.2.3.2.
    fn parameters(&mut self) -> Result<Parameters, Fault> {
        let mut parameters = Parameters::default();
        while self.take(b';') {
            self.skip_spaces();
            let key = self.key()?;
            let value = if self.take(b'=') { self.bare()? } else { Bare::Boolean(true) };
            if parameters.iter().any(|(other, _)| other == key) {
                return Err(Fault::Repeated);
            }
            if parameters.0.len() >= MAX_PARAMETERS {
                return Err(Fault::TooMany);
            }
            parameters.0.push((key, value));
        }
        Ok(parameters)
    }

    /// §4.2.3.3.
    fn key(&mut self) -> Result<String, Fault> {
        if !matches!(self.peek(), Some(b'*' | b'a'..=b'z')) {
            return Err(Fault::Syntax);
        }
        let key = self.take_while(
            |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'),
        );
        if key.len() > MAX_KEY_CHARS { Err(Fault::TooLong) } else { Ok(text(key)) }
    }

    /// §4.2.4, without decimals.
    fn integer(&mut self) -> Result<Bare, Fault> {
        let negative = self.take(b'-');
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.len() > MAX_INTEGER_DIGITS {
            return Err(Fault::Syntax);
        }
        if self.peek() == Some(b'.') {
            return Err(Fault::Unsupported);
        }
        let value: i64 = text(digits).parse().map_err(|_too_large| Fault::Syntax)?;
        Ok(Bare::Integer(if negative { value.saturating_neg() } else { value }))
    }

    /// §4.2.5.
    fn string(&mut self) -> Result<Bare, Fault> {
        self.expect(b'"')?;
        let mut string = String::new();
        loop {
            let byte = match self.next().ok_or(Fault::Syntax)? {
                b'"' => return Ok(Bare::String(string)),
                b'\\' => self.next().filter(|next| matches!(next, b'"' | b'\\')),
                byte => Some(byte).filter(|byte| matches!(byte, b' '..=b'~')),
            };
            string.push(char::from(byte.ok_or(Fault::Syntax)?));
        }
    }

    /// §4.2.7.
    fn bytes(&mut self) -> Result<Bare, Fault> {
        self.expect(b':')?;
        let encoded = self.take_while(|byte| byte != b':');
        self.expect(b':')?;
        BASE64.decode(encoded).map(Bare::Bytes).map_err(|_not_base64| Fault::Syntax)
    }

    /// §4.2.8.
    fn boolean(&mut self) -> Result<Bare, Fault> {
        self.expect(b'?')?;
        match self.next() {
            Some(b'0') => Ok(Bare::Boolean(false)),
            Some(b'1') => Ok(Bare::Boolean(true)),
            Some(_) | None => Err(Fault::Syntax),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err(Fault::Syntax) }
    }

    fn take_while(&mut self, accepts: impl Fn(u8) -> bool) -> &'t [u8] {
        let end = self.rest.iter().position(|byte| !accepts(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn skip_spaces(&mut self) {
        self.take_while(|byte| byte == b' ');
    }

    /// Between the members of a dictionary a tab is a blank, too (RFC 9110 OWS).
    fn skip_blanks(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
    }
}

/// RFC 8941 §3.3.4: RFC 9110's `tchar`, a colon, a slash.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
}

/// ASCII that was looked at byte by byte.
fn text(ascii: &[u8]) -> String {
    ascii.iter().copied().map(char::from).collect()
}
