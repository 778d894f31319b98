//! The private key of a service account, in the one form that the vendor's crate takes.
//!
//! Google writes PKCS #8 with its line breaks. The official class also reads PKCS #1 (which `openssl rsa`
//! writes), keys with spaces around them, and keys whose line breaks were lost, since OpenSSL does.
//! Structures: RFC 7468 (text), RFC 5208 and RFC 8017 (content).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const PKCS8: &str = "PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
/// DER encoding of version 0, and of the algorithm `rsaEncryption` without parameters.
const VERSION: [u8; 3] = [0x02, 0x01, 0x00];
const ALGORITHM: [u8; 15] =
    [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;

/// The key as PKCS #8 in PEM; a key in another format is returned unchanged, and refused by the crate.
pub(super) fn as_pkcs8(text: &str) -> String {
    let found = content(text, PKCS8).or_else(|| content(text, PKCS1).map(|key| wrapped(&key)));
    found.map_or_else(|| text.to_owned(), |key| pem(&key))
}

/// The decoded text between the lines of a label.
fn content(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok()
}

/// A PKCS #1 key as the content of a PKCS #8 one.
fn wrapped(key: &[u8]) -> Vec<u8> {
    let parts = [&VERSION[..], &ALGORITHM[..], &element(OCTETS, key)].concat();
    element(SEQUENCE, &parts)
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let bytes = content.len().to_be_bytes();
    let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    // DER writes a length below 128 as one byte; otherwise the number of length bytes comes first, with bit 7
    // set.
    let mut length = match (significant.as_slice(), u8::try_from(significant.len())) {
        ([], _) => vec![0],
        ([short @ 0..=0x7F], _) => vec![*short],
        (_, Ok(count)) => [&[0x80 | count][..], &significant].concat(),
        (_, Err(_)) => Vec::new(),
    };
    length.insert(0, tag);
    length.extend_from_slice(content);
    length
}

fn pem(key: &[u8]) -> String {
    let encoded = STANDARD.encode(key);
    let lines: Vec<_> = encoded.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {PKCS8}-----\n{}\n-----END {PKCS8}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(label: &str, body: &str) -> String {
        format!("-----BEGIN {label}-----{body}-----END {label}-----")
    }

    #[test]
    fn every_form_becomes_pkcs8() {
        let expected = "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n";
        for text in [
            key(PKCS8, "\nQUJD\n"),
            key(PKCS8, "QUJD"),
            key(PKCS8, "\r\nQU\r\n JD\t\r\n"),
            format!("\n {} \n", key(PKCS8, "\nQUJD\n")),
        ] {
            assert_eq!(as_pkcs8(&text), expected, "{text}");
        }
    }

    #[test]
    fn an_older_key_is_wrapped() {
        let wrapped = wrapped(b"ABC");
        assert_eq!(wrapped[..2], [0x30, 23]);
        assert_eq!(wrapped[20..], [0x04, 3, b'A', b'B', b'C']);
        assert!(as_pkcs8(&key(PKCS1, "\nQUJD\n")).starts_with("-----BEGIN PRIVATE KEY-----\nMBcCAQA"));
        assert_eq!(element(OCTETS, &[0; 0x80])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(element(OCTETS, &[0; 0x1234])[..4], [0x04, 0x82, 0x12, 0x34]);
        assert_eq!(element(OCTETS, &[]), [0x04, 0]);
    }

    #[test]
    fn other_text_is_unchanged() {
        for text in ["", "canary", &key("ENCRYPTED PRIVATE KEY", "QUJD"), &key(PKCS8, "***")] {
            assert_eq!(as_pkcs8(text), text);
        }
        let long = as_pkcs8(&key(PKCS8, &"QUJD".repeat(40)));
        assert!(long.lines().all(|line| line.len() <= 64) && long.lines().count() == 5);
    }
}
