//! The value in a file.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::store::kit::reading::read_all;
use crate::value::SecretValue;

use super::config::Place;
use super::error::{binary, input_output, no_folder, not_a_file, too_big};

/// The largest file that is read: the most that a secret of Kubernetes holds.
pub(super) const MAX_SIZE: u64 = 1 << 20;

/// Space beyond the size of a file, so that its end is seen with one read.
const SPARE: usize = 64;

/// How often a file is looked for while the mount is being swapped.
const SWAPS: usize = 10;

/// The link that Kubernetes swaps to replace all files of a mount at once.
const SWAPPED: &str = "..data";

/// The value of the file `name` in `place`, with the line end at its end if `keep_newline`. Every call reads
/// the file, so what is mounted now is what is returned. Reads files: this blocks.
pub(super) fn value(place: &Place, name: &str, keep_newline: bool) -> Result<Option<SecretValue>> {
    let path = Path::new(name);
    let Some(file) = opened(place, path)? else { return Ok(None) };
    let metadata = file.metadata().map_err(|error| input_output(path, error))?;
    if metadata.is_dir() {
        return Ok(None);
    }
    if !metadata.is_file() {
        return Err(not_a_file(path));
    }
    // A much larger file is not read at all.
    let capacity = usize::try_from(metadata.len().min(MAX_SIZE)).unwrap_or_default().saturating_add(SPARE);
    let bytes = read_all(file, capacity, MAX_SIZE).map_err(|error| input_output(path, error))?;
    let bytes = bytes.ok_or_else(|| too_big(path))?;
    let text = text(&bytes).map_err(|place| binary(path, place))?;
    Ok(Some(SecretValue::text(if keep_newline { text } else { without_line_end(text) })))
}

/// The file; `None` if there is none in a folder that exists. While a mount is being swapped, a link may lead
/// to a folder that has just been removed: a file is absent only if the mount is the same before and after.
fn opened(place: &Place, path: &Path) -> Result<Option<File>> {
    let folder = Path::new(place.folder());
    let mut seen = None;
    for _ in 0..SWAPS {
        match open(path) {
            Ok(file) => return Ok(Some(file)),
            Err(error) if is_absence(&error) => {}
            Err(error) => return Err(input_output(path, error)),
        }
        let now = Some(swapped(path, folder));
        if now == seen {
            break;
        }
        seen = now;
    }
    if folder.is_dir() { Ok(None) } else { Err(no_folder(folder)) }
}

/// Without waiting for the other end of a pipe.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)
}

/// Where the links of the mounts between `path` and `folder` lead now.
fn swapped(path: &Path, folder: &Path) -> Vec<PathBuf> {
    let parents = path.ancestors().skip(1).take_while(|parent| parent.starts_with(folder));
    parents.filter_map(|parent| parent.join(SWAPPED).read_link().ok()).collect()
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename)
}

/// The text, or the place of the first byte that no text has, counted from one.
fn text(bytes: &[u8]) -> Result<&str, usize> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.valid_up_to().saturating_add(1))?;
    // Valid in UTF-8, and a sign of binary content: no text file has it.
    match bytes.iter().position(|byte| *byte == 0) {
        Some(before) => Err(before.saturating_add(1)),
        None => Ok(text),
    }
}

/// Most tools end a file with a line end, which is no part of the value.
fn without_line_end(text: &str) -> &str {
    let line = text.strip_suffix('\n');
    line.map_or(text, |line| line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_taken_away() {
        for (written, read) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a\r", "a\r"),
            ("\n", ""),
            ("", ""),
            (" a \n", " a "),
        ] {
            assert_eq!(without_line_end(written), read);
        }
    }

    #[test]
    fn what_is_no_text_is_found_by_its_place() {
        assert_eq!(text("\u{feff}é\n".as_bytes()), Ok("\u{feff}é\n"));
        assert_eq!(text(b"ab\xff"), Err(3));
        assert_eq!(text(b"a\0b"), Err(2));
    }
}
