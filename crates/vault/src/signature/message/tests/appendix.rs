//! Every signed message that RFC 9421 prints, read from the standard's own text.
//!
//! The text is taken from the folder that `EXCHEQUER_REFS` names; without it the test says so and ends.

use super::super::base::signature_base;
use super::*;
use data_encoding::BASE64;
use std::collections::HashMap;
use std::path::PathBuf;

/// A message as it is printed. A response has no method but a status.
#[derive(Clone)]
struct Printed {
    sent: Sent,
    status: Option<u16>,
}

/// The public keys of Appendix B.1: by name, in DER or plain.
type PublicKeys = HashMap<&'static str, Vec<u8>>;

/// What is right of the printed messages, in their order; a label stands as often as it is printed.
/// The draft prints `test-response` with a digest that is not in the signature (B.2.4).
const APPENDIX_B_2: [(&str, bool); 6] = [
    ("sig-b21", true),
    ("sig-b22", true),
    ("sig-b23", true),
    ("sig-b24", false),
    ("sig-b25", true),
    ("sig-b26", true),
];
const WHOLE_STANDARD: [(&str, bool); 20] = [
    // §2.4: a response, a signed request, its signed response.
    ("reqres", true),
    ("sig1", true),
    ("reqres", true),
    // §3.2.
    ("sig1", true),
    // §4.3: by the client, behind a proxy that changed the host, and there with a second signature.
    ("sig1", true),
    ("sig1", false),
    ("sig1", false),
    // B.2.
    ("sig-b21", true),
    ("sig-b22", true),
    ("sig-b23", true),
    ("sig-b24", false),
    ("sig-b25", true),
    ("sig-b26", true),
    // B.3.
    ("ttrp", true),
    // B.4.
    ("transform", true),
    ("transform", true),
    ("transform", true),
    ("transform", true),
    ("transform", false),
    ("transform", false),
];

#[test]
fn all_signed_messages_are_judged_rightly() {
    let Ok(refs) = std::env::var("EXCHEQUER_REFS") else {
        println!("skipped: EXCHEQUER_REFS does not name the folder of the reference data");
        return;
    };
    let folder = PathBuf::from(refs).join("rfc9421");
    for (file, expected) in [
        ("appendix_B_examples_and_test_cases.md", &APPENDIX_B_2[..]),
        ("draft-ietf-httpbis-message-signatures.md", &WHOLE_STANDARD[..]),
    ] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let blocks = blocks(&text);
        let keys = public_keys(&text);
        let judged = signed_messages(&text).into_iter().map(|(label, printed)| {
            let right = verdict(&printed, &text, &keys, &blocks);
            (label, right)
        });
        let judged: Vec<(String, bool)> = judged.collect();
        let judged: Vec<(&str, bool)> =
            judged.iter().map(|(label, right)| (label.as_str(), *right)).collect();
        assert_eq!(judged, expected, "{file}");
        b_2_4_is_right_with_the_digest_of_its_body(&text, &keys, &blocks);
    }
}

fn b_2_4_is_right_with_the_digest_of_its_body(text: &str, keys: &PublicKeys, blocks: &[String]) {
    let found = signed_messages(text).into_iter().find(|(label, _)| label == "sig-b24");
    let mut printed = found.unwrap().1;
    let digest = content_digest(DigestHash::Sha512, &printed.sent.body);
    printed.sent.set("Content-Digest", digest);
    assert!(verdict(&printed, text, keys, blocks));
}

/// Whether the first signature is right. Where it is, the signature base is one of those printed.
fn verdict(printed: &Printed, text: &str, keys: &PublicKeys, blocks: &[String]) -> bool {
    let request = test_message(text, "POST ").sent;
    request.with(|request| {
        printed.sent.with(|parts| {
            let headers = parts.headers;
            let response = |status| Response { status, headers, request: Some(request) };
            let response = printed.status.map(response);
            let message = response.as_ref().map_or(Message::Request(parts), Message::Response);
            let signatures = Signatures::read(headers).unwrap();
            let signature = &signatures.0[0];
            let right =
                with_key(keys, signature.key_id().unwrap(), |key| signature.verify(&message, key));
            match right {
                Ok(()) => {
                    let base = signature_base(&message, &signature.covered).unwrap();
                    let is_printed = blocks.iter().any(|block| block.trim() == base);
                    // §4.3 prints the proxy's base only.
                    assert!(is_printed || base.contains("1618884475"), "{base}");
                    true
                }
                Err(refused) => {
                    assert_eq!(refused, Refusal::Signature);
                    false
                }
            }
        })
    })
}

fn with_key<T>(keys: &PublicKeys, name: &str, act: impl FnOnce(&VerifyingKey<'_>) -> T) -> T {
    let bytes = &keys[name];
    let last = |count: usize| bytes[bytes.len() - count..].first_chunk::<32>().unwrap();
    match name {
        "test-key-rsa-pss" => act(&VerifyingKey::RsaPssSha512(bytes)),
        "test-key-ecc-p256" => act(&VerifyingKey::EcdsaP256Sha256 { x: last(64), y: last(32) }),
        "test-key-ed25519" => act(&VerifyingKey::Ed25519(last(32))),
        "test-shared-secret" => act(&VerifyingKey::HmacSha256(&SecretBytes::new(bytes.clone()))),
        other => panic!("no key {other}"),
    }
}

fn public_keys(text: &str) -> PublicKeys {
    let mut keys = PublicKeys::new();
    for (name, anchor) in [
        ("test-key-rsa-pss", "{#example-key-rsa-pss-test}"),
        ("test-key-ecc-p256", "{#example-key-ecc-p256}"),
        ("test-key-ed25519", "{#example-key-ed25519}"),
    ] {
        let section = text.split(anchor).nth(1).unwrap();
        let pem = section.split("-----BEGIN PUBLIC KEY-----").nth(1).unwrap();
        let lines: String = pem.split("-----END").next().unwrap().split_whitespace().collect();
        keys.insert(name, BASE64.decode(lines.as_bytes()).unwrap());
    }
    let section = text.split("{#example-shared-secret}").nth(1).unwrap();
    let secret = blocks(section).swap_remove(0);
    keys.insert("test-shared-secret", BASE64.decode(secret.trim().as_bytes()).unwrap());
    keys
}

/// What stands between `~~~` and `~~~`, its lines no longer wrapped (RFC 8792).
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line.starts_with("~~~")) {
        let inside: Vec<&str> =
            lines.by_ref().take_while(|line| !line.starts_with("~~~")).collect();
        blocks.push(unwrapped(&inside));
    }
    blocks
}

/// B.4 wraps lines without saying so.
fn unwrapped(lines: &[&str]) -> String {
    let is_note = |line: &&str| line.is_empty() || line.starts_with("NOTE: '\\' line wrapping");
    let mut text = String::new();
    for line in lines.iter().copied().skip_while(is_note) {
        let wrapped = text.ends_with('\\');
        if wrapped {
            text.pop();
        }
        if !wrapped && !text.is_empty() {
            text.push('\n');
        }
        text.push_str(if wrapped { line.trim_start() } else { line });
    }
    text
}

/// `test-request` or `test-response` of Appendix B.2.
fn test_message(text: &str, start: &str) -> Printed {
    let section = text.split("## Test Cases").nth(1).unwrap();
    let found = blocks(section).into_iter().find(|block| block.starts_with(start));
    printed(&found.unwrap())
}

/// Every message with both fields, and every pair of fields that is to be added to a test message.
fn signed_messages(text: &str) -> Vec<(String, Printed)> {
    let mut messages = Vec::new();
    for block in blocks(text) {
        let value = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let (Some(input), Some(signature)) = (value("Signature-Input: "), value("Signature: "))
        else {
            continue;
        };
        let label = input.split('=').next().unwrap().to_owned();
        let message = if block.starts_with("Signature-Input: ") {
            let of_response = input.contains("\"@status\"");
            let mut message = test_message(text, if of_response { "HTTP" } else { "POST " });
            message.sent.set("Signature-Input", input);
            message.sent.set("Signature", signature);
            message
        } else {
            printed(&block)
        };
        messages.push((label, message));
    }
    messages
}

fn printed(block: &str) -> Printed {
    let (head, body) = block.trim_end().split_once("\n\n").unwrap_or((block.trim_end(), ""));
    let mut lines = head.lines();
    let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let headers: Vec<(String, Vec<u8>)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .collect();
    let host = headers.iter().find(|(name, _)| name == "Host").map(|(_, value)| value.as_slice());
    let authority = String::from_utf8_lossy(host.unwrap_or(b"")).trim().to_owned();
    let is_response = first[0].starts_with("HTTP/");
    let (path, query) = first[1].split_once('?').unwrap_or((first[1], ""));
    let sent = Sent {
        method: first[0].to_owned(),
        scheme: "https".to_owned(),
        authority,
        path: path.to_owned(),
        query: Some(query).filter(|query| !query.is_empty()).map(str::to_owned),
        headers,
        body: body.trim().as_bytes().to_vec(),
    };
    Printed { sent, status: is_response.then(|| first[1].parse().unwrap()) }
}
