//! Certificates for trials and tests: an authority of one's own, and what it signs (RFC 5280, ECDSA on P-256).
//!
//! Each is made with a fresh key, holds as long as its caller says, and is trusted by whoever is told to. The bank
//! itself never makes or trusts one.

use std::net::IpAddr;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64;
use money::Timestamp;

use crate::der::{CONTEXT_0, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET};

/// Signs certificates.
pub struct Authority {
    own: Pair,
    from: Timestamp,
    until: Timestamp,
}

/// A certificate with its key.
pub struct Pair {
    der: Vec<u8>,
    pkcs8: Vec<u8>,
}

const NAME: &str = "Exchequer trial authority";

const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const BOOLEAN_TRUE: [u8; 3] = [0x01, 0x01, 0xff];
/// `[3]`, constructed: where a certificate has its extensions.
const CONTEXT_3: u8 = 0xa3;
/// dNSName and iPAddress of a GeneralName.
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

const ECDSA_WITH_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x13];
const CRL_NUMBER: [u8; 3] = [0x55, 0x1d, 0x14];

impl Authority {
    /// One whose certificates all hold from and until these times.
    pub fn new(from: Timestamp, until: Timestamp) -> Result<Self, Unspecified> {
        let (pkcs8, key) = fresh_key()?;
        // keyCertSign and cRLSign.
        let usage = tlv(BIT_STRING, &[&[1, 0b0000_0110]]);
        let extensions = [
            extension(&BASIC_CONSTRAINTS, true, &tlv(SEQUENCE, &[&BOOLEAN_TRUE])),
            extension(&KEY_USAGE, true, &usage),
        ];
        let body = body(NAME, key.public_key().as_ref(), (from, until), &extensions.concat())?;
        let own = Pair { der: signed(&body, &key)?, pkcs8 };
        Ok(Self { own, from, until })
    }

    /// A certificate for a server or a caller, with a common name and other names, of hosts or addresses.
    pub fn issue(&self, common_name: &str, names: &[&str]) -> Result<Pair, Unspecified> {
        let (pkcs8, key) = fresh_key()?;
        let mut all = Vec::new();
        for name in names {
            all.extend(match name.parse::<IpAddr>() {
                Ok(IpAddr::V4(address)) => tlv(IP_ADDRESS, &[&address.octets()]),
                Ok(IpAddr::V6(address)) => tlv(IP_ADDRESS, &[&address.octets()]),
                Err(_) => tlv(DNS_NAME, &[name.as_bytes()]),
            });
        }
        let digital_signature = tlv(BIT_STRING, &[&[7, 0b1000_0000]]);
        let mut extensions = extension(&KEY_USAGE, true, &digital_signature);
        if !names.is_empty() {
            extensions.extend(extension(&SUBJECT_ALT_NAME, false, &tlv(SEQUENCE, &[&all])));
        }
        let public = key.public_key().as_ref();
        let body = body(common_name, public, (self.from, self.until), &extensions)?;
        let signer = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.own.pkcs8);
        Ok(Pair { der: signed(&body, &signer.map_err(|_| Unspecified)?)?, pkcs8 })
    }

    /// A revocation list in PEM, with these of its certificates on it (RFC 5280 §5.1): made and followed by the next at
    /// these times.
    pub fn list(
        &self,
        revoked: &[&Pair],
        (made, ends): (Timestamp, Timestamp),
    ) -> Result<String, Unspecified> {
        let mut entries = Vec::new();
        for pair in revoked {
            let serial = serial(&pair.der).ok_or(Unspecified)?;
            entries.extend(tlv(SEQUENCE, &[&tlv(INTEGER, &[serial]), &time(made)]));
        }
        // Absent where nothing is revoked (§5.1.2.6).
        let entries = if revoked.is_empty() { entries } else { tlv(SEQUENCE, &[&entries]) };
        let number = extension(&CRL_NUMBER, false, &tlv(INTEGER, &[&[1]]));
        let body = tlv(
            SEQUENCE,
            &[
                &tlv(INTEGER, &[&[1]]), // version 2
                &algorithm(),
                &name(NAME),
                &time(made),
                &time(ends),
                &entries,
                &tlv(CONTEXT_0, &[&tlv(SEQUENCE, &[&number])]),
            ],
        );
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.own.pkcs8);
        Ok(pem("X509 CRL", &signed(&body, &key.map_err(|_| Unspecified)?)?))
    }

    /// What is to be trusted.
    pub fn certificate_pem(&self) -> String {
        self.own.certificate_pem()
    }
}

impl Pair {
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8)
    }
}

/// Of a certificate that was made here.
fn serial(der: &[u8]) -> Option<&[u8]> {
    let mut certificate = Reader::new(Reader::new(der).expect(SEQUENCE)?);
    let mut body = Reader::new(certificate.expect(SEQUENCE)?);
    body.skip(CONTEXT_0);
    body.expect(INTEGER)
}

fn fresh_key() -> Result<(Vec<u8>, EcdsaKeyPair), Unspecified> {
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())?;
    let pkcs8 = pkcs8.as_ref().to_vec();
    let key = EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8).map_err(|_| Unspecified)?;
    Ok((pkcs8, key))
}

fn body(
    subject: &str,
    public: &[u8],
    (from, until): (Timestamp, Timestamp),
    extensions: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let mut serial = [0; 16];
    fill(&mut serial)?;
    serial[0] = serial[0] & 0x3f | 0x40; // positive, and of one length
    let oid = |oid: &[u8]| tlv(OBJECT_IDENTIFIER, &[oid]);
    let curve = tlv(SEQUENCE, &[&oid(&EC_PUBLIC_KEY), &oid(&P256)]);
    Ok(tlv(
        SEQUENCE,
        &[
            &tlv(CONTEXT_0, &[&tlv(INTEGER, &[&[2]])]), // version 3
            &tlv(INTEGER, &[&serial]),
            &algorithm(),
            &name(NAME),
            &tlv(SEQUENCE, &[&time(from), &time(until)]),
            &name(subject),
            &tlv(SEQUENCE, &[&curve, &tlv(BIT_STRING, &[&[0], public])]),
            &tlv(CONTEXT_3, &[&tlv(SEQUENCE, &[extensions])]),
        ],
    ))
}

fn signed(body: &[u8], key: &EcdsaKeyPair) -> Result<Vec<u8>, Unspecified> {
    let signature = key.sign(&SystemRandom::new(), body)?;
    Ok(tlv(SEQUENCE, &[body, &algorithm(), &tlv(BIT_STRING, &[&[0], signature.as_ref()])]))
}

fn algorithm() -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(OBJECT_IDENTIFIER, &[&ECDSA_WITH_SHA256])])
}

fn name(common: &str) -> Vec<u8> {
    let kind = tlv(OBJECT_IDENTIFIER, &[&COMMON_NAME]);
    let pair = tlv(SEQUENCE, &[&kind, &tlv(UTF8_STRING, &[common.as_bytes()])]);
    tlv(SEQUENCE, &[&tlv(SET, &[&pair])])
}

fn extension(kind: &[u8], is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if is_critical { &BOOLEAN_TRUE } else { &[] };
    tlv(SEQUENCE, &[&tlv(OBJECT_IDENTIFIER, &[kind]), critical, &tlv(OCTET_STRING, &[value])])
}

/// `2026-01-05T10:00:00Z` as `20260105100000Z`.
fn time(at: Timestamp) -> Vec<u8> {
    let text = Timestamp::from_seconds(at.seconds()).to_string();
    let digits: String = text.chars().filter(char::is_ascii_digit).take(14).collect();
    tlv(GENERALIZED_TIME, &[digits.as_bytes(), b"Z"])
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    match content.len() {
        0..0x80 => out.extend(&length[7..]),
        0x80..0x100 => out.extend([&[0x81], &length[7..]].concat()),
        _ => out.extend([&[0x82], &length[6..]].concat()),
    }
    out.extend(content);
    out
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|l| std::str::from_utf8(l).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
