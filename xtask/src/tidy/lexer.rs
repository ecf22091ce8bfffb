//! Splits Rust into code, comments and string literals, keeping every offset.
//!
//! Purpose: a rule about code must not trip over the same word in a comment or a text. `code` and
//! `comments` are as long as the source, with blanks for what is not theirs and `_` for each byte
//! that is not ASCII. Cost: one pass. It knows tokens, not grammar: macros are code.

use super::tree::is_identifier;

pub struct Lexed {
    pub code: String,
    pub comments: String,
    pub literals: Vec<Literal>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Literal {
    /// Of the opening quote, or of the `r` of a raw string.
    pub offset: usize,
    /// As written, escapes and all.
    pub text: String,
}

pub fn lex(text: &str) -> Lexed {
    let bytes = text.as_bytes();
    let mut spans = Spans { bytes, code: Vec::new(), comments: Vec::new(), literals: Vec::new() };
    let mut at = 0;
    while at < bytes.len() {
        at = spans.token(at);
    }
    let literals = spans
        .literals
        .iter()
        .map(|(offset, start, end)| Literal {
            offset: *offset,
            text: text[*start..*end].to_owned(),
        })
        .collect();
    Lexed { code: keep(bytes, &spans.code), comments: keep(bytes, &spans.comments), literals }
}

struct Spans<'a> {
    bytes: &'a [u8],
    code: Vec<(usize, usize)>,
    comments: Vec<(usize, usize)>,
    /// Offset of the token, start and end of what is between the quotes.
    literals: Vec<(usize, usize, usize)>,
}

impl Spans<'_> {
    /// Takes one token at `at` and returns where the next begins.
    fn token(&mut self, at: usize) -> usize {
        let rest = &self.bytes[at..];
        if rest.starts_with(b"//") {
            let end = self.find(at, b"\n").unwrap_or(self.bytes.len());
            self.comments.push((at, end));
            return end;
        }
        if rest.starts_with(b"/*") {
            let end = self.block_comment_end(at);
            self.comments.push((at, end));
            return end;
        }
        if let Some(hashes) = self.raw_string_hashes(at) {
            return self.raw_string(at, hashes);
        }
        match rest[0] {
            b'"' => self.string(at),
            b'\'' => self.character_or_lifetime(at),
            _ => {
                self.code.push((at, at + 1));
                at + 1
            }
        }
    }

    fn string(&mut self, at: usize) -> usize {
        let end = self.quoted_end(at + 1, b'"');
        self.literals.push((at, at + 1, end));
        (end + 1).min(self.bytes.len())
    }

    /// `r"`, `r#"`…, also after `b` or `c`; `r#name` is an identifier.
    fn raw_string_hashes(&self, at: usize) -> Option<usize> {
        if self.bytes[at] != b'r' {
            return None;
        }
        let before = |back: usize| at.checked_sub(back).map(|index| self.bytes[index]);
        let prefixed =
            matches!(before(1), Some(b'b' | b'c')) && !before(2).is_some_and(is_identifier);
        if before(1).is_some_and(is_identifier) && !prefixed {
            return None;
        }
        let hashes = self.bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
        (self.bytes.get(at + 1 + hashes) == Some(&b'"')).then_some(hashes)
    }

    fn raw_string(&mut self, at: usize, hashes: usize) -> usize {
        let start = at + 1 + hashes + 1;
        let mut closing = vec![b'"'];
        closing.resize(1 + hashes, b'#');
        let end = self.find(start, &closing).unwrap_or(self.bytes.len());
        self.literals.push((at, start, end));
        (end + closing.len()).min(self.bytes.len())
    }

    /// `'a'` and `'\n'` are characters and left out; the quote of `'a` is code.
    fn character_or_lifetime(&mut self, at: usize) -> usize {
        let escaped = self.bytes.get(at + 1) == Some(&b'\\');
        let width = self.bytes.get(at + 1).map_or(1, |first| match *first {
            0xF0.. => 4,
            0xE0.. => 3,
            0xC0.. => 2,
            _ => 1,
        });
        if escaped {
            return (self.quoted_end(at + 1, b'\'') + 1).min(self.bytes.len());
        }
        if self.bytes.get(at + 1 + width) == Some(&b'\'') {
            return at + 1 + width + 1;
        }
        self.code.push((at, at + 1));
        at + 1
    }

    /// Where the closing quote stands, past every escaped byte.
    fn quoted_end(&self, mut at: usize, quote: u8) -> usize {
        while at < self.bytes.len() && self.bytes[at] != quote {
            at += if self.bytes[at] == b'\\' { 2 } else { 1 };
        }
        at.min(self.bytes.len())
    }

    /// Block comments nest.
    fn block_comment_end(&self, mut at: usize) -> usize {
        let mut depth = 0_u32;
        while at < self.bytes.len() {
            if self.bytes[at..].starts_with(b"/*") {
                depth += 1;
                at += 2;
            } else if self.bytes[at..].starts_with(b"*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            } else {
                at += 1;
            }
        }
        self.bytes.len()
    }

    fn find(&self, from: usize, wanted: &[u8]) -> Option<usize> {
        let rest = self.bytes.get(from..)?;
        rest.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
    }
}

/// The bytes of `spans`, blanks elsewhere, line ends everywhere.
fn keep(bytes: &[u8], spans: &[(usize, usize)]) -> String {
    let mut kept: Vec<char> =
        bytes.iter().map(|byte| if *byte == b'\n' { '\n' } else { ' ' }).collect();
    for (start, end) in spans {
        for index in *start..*end {
            kept[index] = if bytes[index].is_ascii() { char::from(bytes[index]) } else { '_' };
        }
    }
    kept.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        lex(source).literals.into_iter().map(|literal| literal.text).collect()
    }

    #[test]
    fn offsets_and_line_ends_stay() {
        let source = "let a = \"x\ny\"; // ä\n/* é */ let b = 'ö';\n";
        let lexed = lex(source);
        assert_eq!(lexed.code.len(), source.len());
        assert_eq!(lexed.comments.len(), source.len());
        assert_eq!(lexed.code.find("let b"), source.find("let b"));
        assert_eq!(lexed.code.matches('\n').count(), 3);
    }

    #[test]
    fn comments_nest_and_end() {
        let lexed = lex("a /* b /* c */ d */ e // f\ng");
        assert_eq!(lexed.code.split_whitespace().collect::<Vec<_>>(), ["a", "e", "g"]);
        assert!(lexed.comments.contains("d */") && lexed.comments.contains("// f"));
    }

    #[test]
    fn strings_of_every_kind() {
        assert_eq!(texts(r#" "a\"b" b"c" "#), [r#"a\"b"#, "c"]);
        assert_eq!(texts("r\"a\\\" br#\"b\"c\"# r##\"d\"#e\"##"), ["a\\", "b\"c", "d\"#e"]);
        assert_eq!(texts("let r#type = \"x\"; color\"y\""), ["x", "y"]);
        assert_eq!(texts("\"// no comment\" /* \"no text\" */"), ["// no comment"]);
    }

    #[test]
    fn quotes_of_characters_and_lifetimes() {
        assert_eq!(texts(r#"f('"', '\'', '\\', 'ä', "x")"#), ["x"]);
        let lexed = lex("fn f<'a>(x: &'a str) -> &'static str { \"y\" }");
        assert!(lexed.code.contains("<'a>") && lexed.code.contains("'static"));
        assert_eq!(lexed.literals.len(), 1);
    }

    #[test]
    fn what_does_not_end_is_no_panic() {
        for source in ["\"a", "\"a\\", "r#\"a\"", "/* a", "'", "'\\", "//", "r", "b'", "'ä"] {
            assert_eq!(lex(source).code.len(), source.len());
        }
    }
}
