//! What `content_digest` promises, with the bodies of RFC 9421 Appendix B.2 and RFC 9530 Appendix D.

use super::*;

const HELLO: &[u8] = b"{\"hello\": \"world\"}";
const SHA256: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
const SHA512: &str = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

fn of(lines: &[&str], body: &[u8]) -> Result<(), DigestFault> {
    let headers: Vec<Header<'_>> =
        lines.iter().map(|line| ("Content-Digest", line.as_bytes())).collect();
    check(&headers, body)
}

// ASVS 11.4.3: a body is held by SHA-256 or SHA-512.
#[test]
fn the_digests_of_the_standards() {
    assert_eq!(content_digest(DigestHash::Sha256, HELLO), SHA256);
    assert_eq!(content_digest(DigestHash::Sha512, HELLO), SHA512);
    let empty = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    assert_eq!(content_digest(DigestHash::Sha256, b""), empty);
}

#[test]
fn one_supported_digest_is_enough_and_all_must_be_right() {
    let other = content_digest(DigestHash::Sha256, b"{}");
    for (lines, expected) in [
        (vec![SHA256], Ok(())),
        (vec![SHA512], Ok(())),
        (vec![SHA512, SHA256], Ok(())),
        (vec!["md5=:Sd/dVLAcvNLSq16eXua5uQ==:", SHA256], Ok(())),
        (vec![], Err(DigestFault::Missing)),
        (vec![""], Err(DigestFault::Unsupported)),
        (vec!["md5=:Sd/dVLAcvNLSq16eXua5uQ==:"], Err(DigestFault::Unsupported)),
        (vec!["SHA-256=:aa:"], Err(DigestFault::Malformed(Fault::Syntax))),
        (vec!["sha-256=aa"], Err(DigestFault::Malformed(Fault::Syntax))),
        (vec!["sha-256"], Err(DigestFault::Malformed(Fault::Syntax))),
        (vec!["sha-256=(:aGk=:)"], Err(DigestFault::Malformed(Fault::Syntax))),
        (vec!["sha-256=:aGk=:;q=1"], Err(DigestFault::Malformed(Fault::Syntax))),
        (vec![SHA256, SHA256], Err(DigestFault::Malformed(Fault::Repeated))),
        (vec![SHA512, other.as_str()], Err(DigestFault::Mismatch)),
        (vec!["sha-256=::"], Err(DigestFault::Mismatch)),
    ] {
        assert_eq!(of(&lines, HELLO), expected, "{lines:?}");
    }
    for lines in [[SHA256], [SHA512]] {
        assert_eq!(of(&lines, b"{\"hello\": \"World\"}"), Err(DigestFault::Mismatch));
        assert_eq!(of(&lines, b""), Err(DigestFault::Mismatch));
    }
}
