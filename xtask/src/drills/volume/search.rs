//! Texts in a disk's image or below a folder, as they are and in the writings that programs give them.
//!
//! Cost: one pass over the bytes; stretches of nothing are passed over. It looks at bytes alone and knows no file system.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};

use crate::Result;

/// What is looked for.
pub struct Needles {
    /// The text, and one writing of it.
    list: Vec<(String, Vec<u8>)>,
    /// By the first two bytes, the needles that begin so.
    begins: Vec<Vec<usize>>,
    longest: usize,
}

/// What was found, and in how much.
#[derive(Default)]
pub struct Looked {
    pub found: BTreeSet<String>,
    /// Bytes that were not a stretch of zeros.
    pub bytes: u64,
}

const CHUNK: usize = 1 << 16;

impl Needles {
    /// Each text plain, in hexadecimal digits, in base 64 at its three places, and in UTF-16 of both orders.
    pub fn of(texts: &[&str]) -> Self {
        let list: Vec<(String, Vec<u8>)> = texts
            .iter()
            .flat_map(|text| writings(text).into_iter().map(|one| ((*text).to_owned(), one)))
            .collect();
        let mut begins = vec![Vec::new(); 1 << 16];
        for (place, (_, needle)) in list.iter().enumerate() {
            if let [first, second, ..] = needle.as_slice() {
                begins[usize::from(u16::from_be_bytes([*first, *second]))].push(place);
            }
        }
        let longest = list.iter().map(|(_, needle)| needle.len()).max().unwrap_or_default();
        Self { list, begins, longest }
    }

    /// In one file, however long.
    pub fn within(&self, path: &Path) -> Result<Looked> {
        let mut looked = Looked::default();
        self.walk(path, &mut looked)?;
        Ok(looked)
    }

    /// In every file of a folder and below it, but those that a server removes meanwhile.
    pub fn below(&self, folder: &Path) -> Result<Looked> {
        let mut looked = Looked::default();
        for path in files_below(folder)? {
            match self.walk(&path, &mut looked) {
                Err(_) if !path.exists() => {}
                walked => walked?,
            }
        }
        Ok(looked)
    }

    fn walk(&self, path: &Path, looked: &mut Looked) -> Result<()> {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut file = File::open(path).map_err(failed)?;
        let nothing = vec![0; CHUNK];
        let mut buffer = Vec::new();
        loop {
            let kept = buffer.len();
            let limit = u64::try_from(CHUNK).map_err(|error| error.to_string())?;
            let read = file.by_ref().take(limit).read_to_end(&mut buffer).map_err(failed)?;
            if read == 0 {
                return Ok(());
            }
            if buffer[kept..] == nothing[..read] && buffer[..kept] == nothing[..kept] {
                continue_with(&mut buffer, self.longest);
                continue;
            }
            looked.bytes += u64::try_from(read).map_err(|error| error.to_string())?;
            self.look(&buffer, &mut looked.found);
            continue_with(&mut buffer, self.longest);
        }
    }

    fn look(&self, bytes: &[u8], found: &mut BTreeSet<String>) {
        for (at, start) in bytes.array_windows().enumerate() {
            for place in &self.begins[usize::from(u16::from_be_bytes(*start))] {
                let (text, needle) = &self.list[*place];
                if bytes[at..].starts_with(needle) {
                    found.insert(text.clone());
                }
            }
        }
    }
}

/// Keeps as much as a needle over the border of two chunks wants.
fn continue_with(buffer: &mut Vec<u8>, longest: usize) {
    buffer.drain(..buffer.len().saturating_sub(longest));
}

/// Regular files, by their paths; a folder that is gone meanwhile is an error.
pub fn files_below(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn writings(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let utf16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect();
    let mut list = vec![
        bytes.to_vec(),
        HEXLOWER.encode(bytes).into_bytes(),
        HEXUPPER.encode(bytes).into_bytes(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
    ];
    // Within a longer text it begins at one of three places; its ends depend on its neighbours.
    for (shift, skipped) in [(0, 0), (1, 2), (2, 3)] {
        let shifted = [&vec![0; shift], bytes].concat();
        let encoded = BASE64.encode(&shifted);
        let whole = shifted.len() * 8 / 6;
        list.push(encoded.as_bytes()[skipped..whole].to_vec());
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Guard;

    #[test]
    fn each_writing_is_found_over_the_border_of_two_chunks_and_behind_a_hole() {
        let guard = Guard::new("search-test").unwrap();
        let (needles, path) = (Needles::of(&["unmistakable"]), guard.folder().join("file"));
        for needle in writings("unmistakable") {
            for before in [0, CHUNK - 3, 5 * CHUNK - 3] {
                let content = [&vec![0; before], needle.as_slice(), &[0; 99]].concat();
                fs::write(&path, content).unwrap();
                let looked = needles.below(guard.folder()).unwrap();
                assert_eq!(looked.found.len(), 1, "{needle:?} after {before}");
                assert!(looked.bytes <= 2 * u64::try_from(CHUNK).unwrap() + 99);
            }
        }
        fs::write(&path, "unmistakabl e").unwrap();
        assert!(needles.within(&path).unwrap().found.is_empty());
    }
}
