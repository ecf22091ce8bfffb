//! Texts in files, as they are and in the writings that programs give them.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};

/// What is looked for.
pub struct Needles {
    list: Vec<(String, Vec<u8>)>,
    /// Needles by their first bytes, so that a file is walked once.
    by_start: HashMap<[u8; START], Vec<usize>>,
    /// By the first two bytes, whether a needle begins so.
    begins: Vec<bool>,
    longest: usize,
}

const START: usize = 4;
const CHUNK: usize = 1 << 20;

impl Needles {
    /// Each text plain, in hexadecimal digits, in base 64 at its three places, and in UTF-16 of both orders.
    pub fn of(texts: &[&[u8]]) -> Self {
        let list: Vec<(String, Vec<u8>)> = texts.iter().flat_map(|text| writings(text)).collect();
        let mut by_start: HashMap<[u8; START], Vec<usize>> = HashMap::new();
        for (place, (name, needle)) in list.iter().enumerate() {
            let start = needle.first_chunk().unwrap_or_else(|| panic!("{name} is too short"));
            by_start.entry(*start).or_default().push(place);
        }
        let mut begins = vec![false; 1 << 16];
        for [first, second, ..] in by_start.keys() {
            begins[usize::from(u16::from_be_bytes([*first, *second]))] = true;
        }
        let longest = list.iter().map(|(_, needle)| needle.len()).max().unwrap_or_default();
        Self { list, by_start, begins, longest }
    }

    /// `FILE: NAME, WRITING` of each that stands in a file of the folder or below it, and the bytes looked at.
    pub fn found_below(&self, folder: &Path) -> (Vec<String>, u64) {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder);
            for entry in entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(file) = File::open(&path) {
                    // A server may have removed a file of its own meanwhile.
                    looked_at += self.walk(file, &path, &mut found);
                }
            }
        }
        found.sort();
        found.dedup();
        (found, looked_at)
    }

    fn walk(&self, mut file: File, path: &Path, found: &mut Vec<String>) -> u64 {
        let (mut buffer, mut total) = (Vec::new(), 0);
        loop {
            let mut more = Vec::with_capacity(CHUNK);
            let limit = u64::try_from(CHUNK).expect("a chunk");
            let read = file.by_ref().take(limit).read_to_end(&mut more).expect("a file");
            if read == 0 {
                return total;
            }
            total += u64::try_from(read).expect("a length");
            buffer.extend_from_slice(&more);
            self.look(&buffer, path, found);
            buffer.drain(..buffer.len().saturating_sub(self.longest));
        }
    }

    fn look(&self, bytes: &[u8], path: &Path, found: &mut Vec<String>) {
        for (at, start) in bytes.array_windows::<START>().enumerate() {
            // Most places begin nothing, and asking the map for each is dear.
            let [first, second, ..] = *start;
            if !self.begins[usize::from(u16::from_be_bytes([first, second]))] {
                continue;
            }
            let Some(places) = self.by_start.get(start) else { continue };
            for place in places {
                let (name, needle) = &self.list[*place];
                if bytes[at..].starts_with(needle) {
                    found.push(format!("{}: {name}", path.display()));
                }
            }
        }
    }
}

fn writings(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let utf16 = |order: fn(u16) -> [u8; 2]| {
        text.iter().flat_map(|byte| order(u16::from(*byte))).collect::<Vec<u8>>()
    };
    let mut list = vec![
        ("plain", text.to_vec()),
        ("hex", HEXLOWER.encode(text).into_bytes()),
        ("HEX", HEXUPPER.encode(text).into_bytes()),
        ("UTF-16 LE", utf16(u16::to_le_bytes)),
        ("UTF-16 BE", utf16(u16::to_be_bytes)),
    ];
    // Within a longer text it begins at one of three places; its ends depend on its neighbours.
    for (shift, skipped) in [(0, 0), (1, 2), (2, 3)] {
        let shifted = [&vec![0; shift], text].concat();
        let encoded = BASE64.encode(&shifted);
        let whole = shifted.len() * 8 / 6;
        list.push(("base 64", encoded.as_bytes()[skipped..whole].to_vec()));
    }
    let name = String::from_utf8_lossy(text).into_owned();
    list.into_iter().map(|(writing, needle)| (format!("{name:?}, {writing}"), needle)).collect()
}

#[test]
fn each_writing_is_found_also_over_the_border_of_two_chunks() {
    let folder = tempfile::tempdir().expect("a folder");
    let needles = Needles::of(&[b"unmistakable"]);
    for (name, needle) in writings(b"unmistakable") {
        let mut content = vec![b'.'; CHUNK - 3];
        content.extend_from_slice(&needle);
        content.push(b'.');
        std::fs::write(folder.path().join("file"), content).expect("written");
        let (found, _) = needles.found_below(folder.path());
        assert!(found.iter().any(|found| found.ends_with(&name)), "{name}: {found:?}");
    }
    std::fs::write(folder.path().join("file"), "unmistakabl e").expect("written");
    assert!(needles.found_below(folder.path()).0.is_empty());
}
