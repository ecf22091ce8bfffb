//! The little Markdown of our own texts: what `docs/api.md` and the descriptions of schemas are in.
//!
//! Headings of the second and third level, paragraphs, lists of one level, fenced code, inline code,
//! strong words, links. Anything else stays as it was written; a test holds the texts to this. Nothing
//! of a text reaches the page unescaped.

use std::fmt::{self, Display, Formatter};

use super::markup::escape;

/// Blocks of Markdown.
pub struct Blocks<'t>(pub &'t str);

/// One run of Markdown, without blocks.
pub struct Inline<'t>(pub &'t str);

/// The second-level headings, for a table of contents.
pub fn headings(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter_map(move |line| {
        fenced ^= line.starts_with("```");
        if fenced { None } else { line.strip_prefix("## ") }
    })
}

/// A heading's anchor: lower case letters, digits and dashes.
pub fn anchor(heading: &str) -> String {
    let dashed = heading.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let dashed: String = dashed.map(|c| c.to_ascii_lowercase()).collect();
    dashed.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Paragraph,
    Bullets,
    Numbers,
}

impl Open {
    fn end(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Paragraph => "</p>\n",
            Self::Bullets => "</li></ul>\n",
            Self::Numbers => "</li></ol>\n",
        }
    }
}

impl Display for Blocks<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut open = Open::Nothing;
        let mut lines = self.0.lines();
        while let Some(line) = lines.next() {
            let starts = block(line);
            if starts == Block::More && open != Open::Nothing {
                write!(f, "\n{}", Inline(line.trim()))?;
                continue;
            }
            open = match starts {
                Block::Item(list, text) if list == open => {
                    write!(f, "</li>\n<li>{}", Inline(text))?;
                    open
                }
                Block::Item(list, text) => {
                    let tag = if list == Open::Numbers { "ol" } else { "ul" };
                    write!(f, "{}<{tag}>\n<li>{}", open.end(), Inline(text))?;
                    list
                }
                Block::Heading(level, text) => {
                    f.write_str(open.end())?;
                    heading(f, level, text)?;
                    Open::Nothing
                }
                Block::Fence => {
                    write!(f, "{}<pre><code>", open.end())?;
                    for code in lines.by_ref().take_while(|line| !line.starts_with("```")) {
                        writeln!(f, "{}", escape(code))?;
                    }
                    f.write_str("</code></pre>\n")?;
                    Open::Nothing
                }
                Block::Blank => {
                    f.write_str(open.end())?;
                    Open::Nothing
                }
                Block::More => {
                    write!(f, "<p>{}", Inline(line))?;
                    Open::Paragraph
                }
            };
        }
        f.write_str(open.end())
    }
}

#[derive(PartialEq, Eq)]
enum Block<'t> {
    Heading(u8, &'t str),
    Item(Open, &'t str),
    Fence,
    Blank,
    /// A line of a paragraph, or the next line of an item.
    More,
}

fn block(line: &str) -> Block<'_> {
    let numbered = || {
        let (number, text) = line.split_once(". ")?;
        (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(text)
    };
    if line.trim().is_empty() {
        Block::Blank
    } else if let Some(text) = line.strip_prefix("## ") {
        Block::Heading(2, text)
    } else if let Some(text) = line.strip_prefix("### ") {
        Block::Heading(3, text)
    } else if line.starts_with("```") {
        Block::Fence
    } else if let Some(text) = line.strip_prefix("- ") {
        Block::Item(Open::Bullets, text)
    } else if let Some(text) = numbered() {
        Block::Item(Open::Numbers, text)
    } else {
        Block::More
    }
}

fn heading(f: &mut Formatter<'_>, level: u8, text: &str) -> fmt::Result {
    writeln!(f, "<h{level} id=\"{}\">{}</h{level}>", escape(&anchor(text)), Inline(text))
}

impl Display for Inline<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['`', '*', '[']) {
            let (before, marked) = rest.split_at(at);
            write!(f, "{}", escape(before))?;
            rest = match (code(marked), strong(marked), link(marked)) {
                (Some((text, after)), _, _) => {
                    write!(f, "<code>{}</code>", escape(text))?;
                    after
                }
                (_, Some((text, after)), _) => {
                    write!(f, "<strong>{}</strong>", escape(text))?;
                    after
                }
                (_, _, Some((text, target, after))) => {
                    write!(f, "<a href=\"{}\">{}</a>", escape(target), escape(text))?;
                    after
                }
                (None, None, None) => {
                    let (sign, after) = marked.split_at(1);
                    f.write_str(sign)?;
                    after
                }
            };
        }
        write!(f, "{}", escape(rest))
    }
}

fn code(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('`')?.split_once('`')
}

fn strong(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("**")?.split_once("**")
}

/// Text, target, what follows. Only paths of our own and https.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let (label, after) = text.strip_prefix('[')?.split_once("](")?;
    let (target, after) = after.split_once(')')?;
    let ours = target.starts_with('/') && !target.starts_with("//");
    let known = ours || target.starts_with('#') || target.starts_with("https://");
    known.then_some((label, target, after))
}
