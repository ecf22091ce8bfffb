//! The settings of a card vault that is a process of its own: at a socket, or on another machine.

use money::Timestamp;
use tls::trial::Authority;

use super::{Folder, write};

/// With the files of one end in it.
fn folder() -> Folder {
    let folder = Folder::new();
    let from = Timestamp::from_seconds(1_767_607_200);
    let authority = Authority::new(from, from.plus_seconds(86_400)).unwrap();
    let pair = authority.issue("bank", &[]).unwrap();
    write(&folder.path("certificate.pem"), &pair.certificate_pem(), 0o644);
    write(&folder.path("key.pem"), &pair.key_pem(), 0o600);
    write(&folder.path("open.pem"), &pair.key_pem(), 0o644);
    write(&folder.path("ca.pem"), &authority.certificate_pem(), 0o644);
    let times = (from, from.plus_seconds(86_400));
    write(&folder.path("lists.pem"), &authority.list(&[], times).unwrap(), 0o644);
    folder
}

/// Gives settings of the vault; those that end with `FILE` as paths in the folder.
fn give(folder: &mut Folder, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        let path = folder.path(value).display().to_string();
        let value = if name.ends_with("FILE") { path.as_str() } else { value };
        folder.environment(&format!("EXCHEQUER_CARD_VAULT_{name}"), value);
    }
}

const WHOLE: [(&str, &str); 5] = [
    ("ADDRESS", "vault.example:7443"),
    ("PEER_NAME", "vault"),
    ("CERTIFICATE_FILE", "certificate.pem"),
    ("KEY_FILE", "key.pem"),
    ("CA_FILE", "ca.pem"),
];

#[test]
fn a_vault_on_another_machine_is_rendered_as_it_was_given() {
    for address in ["vault.example:7443", "10.0.0.1:1", "[2001:db8::1]:7443", "0.0.0.0:0"] {
        let mut folder = folder();
        give(&mut folder, &WHOLE);
        give(&mut folder, &[("ADDRESS", address), ("CRL_FILE", "lists.pem")]);
        let rendered = folder.load().render();
        let path = |name: &str| folder.path(name).display().to_string();
        for line in [
            format!("vault_address = \"{address}\""),
            "vault_socket = \"\"".to_owned(),
            "vault_peer_uid = \"\"".to_owned(),
            "vault_peer_name = \"vault\"".to_owned(),
            format!("vault_certificate_file = \"{}\"", path("certificate.pem")),
            format!("vault_key_file = \"{}\"", path("key.pem")),
            format!("vault_ca_file = \"{}\"", path("ca.pem")),
            format!("vault_crl_file = \"{}\"", path("lists.pem")),
        ] {
            assert!(rendered.contains(&line), "{line} is missing in {rendered}");
        }
    }
}

#[test]
fn a_socket_is_rendered_with_the_user_behind_it() {
    let mut folder = Folder::new();
    give(&mut folder, &[("SOCKET", "/run/vault.sock"), ("PEER_UID", "1001")]);
    let rendered = folder.load().render();
    assert!(rendered.contains("vault_socket = \"/run/vault.sock\""), "{rendered}");
    assert!(rendered.contains("vault_peer_uid = 1001"), "{rendered}");
}

// ASVS 12.3.5, PCI DSS 4.2.1: an address of a vault without a certificate, its key, the other's authority and name
// starts nothing: there is no plain way, on this machine neither.
#[test]
fn an_address_without_all_that_its_tls_needs_stops_the_start() {
    for address in ["vault.example:7443", "127.0.0.1:7443"] {
        let mut folder = folder();
        give(&mut folder, &[("ADDRESS", address)]);
        let faults = folder.faults();
        assert_eq!(faults.len(), 4, "{faults}");
        for (missing, _) in &WHOLE[1..] {
            let mut folder = self::folder();
            give(&mut folder, &WHOLE);
            give(&mut folder, &[("ADDRESS", address)]);
            folder.environment(&format!("EXCHEQUER_CARD_VAULT_{missing}"), "");
            let faults = folder.faults();
            let text = faults.to_string();
            assert_eq!(faults.len(), 1, "{text}");
            assert!(text.contains("both ends of card_vault_address"), "{missing}: {text}");
            assert!(text.contains(*missing), "{missing}: {text}");
        }
    }
}

#[test]
fn each_wrong_setting_of_a_vault_is_a_fault_that_says_what_is_wrong() {
    let long = "x".repeat(65);
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("SOCKET", "/run/vault.sock")], "there is one vault"),
        (&[("PEER_UID", "1001")], "users of another machine"),
        (&[("ADDRESS", "vault.example")], "is no address"),
        (&[("ADDRESS", "https://vault.example:7443")], "is no address"),
        (&[("ADDRESS", "vault.example:7443/")], "is no address"),
        (&[("ADDRESS", "vault.example:+1")], "is no address"),
        (&[("ADDRESS", "vault.example:65536")], "is no address"),
        (&[("ADDRESS", "Vault.example:7443")], "is no address"),
        (&[("ADDRESS", "2001:db8::1:7443")], "is no address"),
        (&[("PEER_NAME", long.as_str())], "longer than a common name"),
        (&[("CERTIFICATE_FILE", "nowhere.pem")], "does not exist"),
        (&[("CERTIFICATE_FILE", "key.pem")], "no certificate"),
        (&[("CERTIFICATE_FILE", "ca.pem")], "not that of"),
        (&[("KEY_FILE", "open.pem")], "mode 0644"),
        (&[("KEY_FILE", "ca.pem")], "mode 0644"),
        (&[("CA_FILE", "key.pem")], "no certificate"),
        (&[("CRL_FILE", "ca.pem")], "revocation lists"),
    ];
    for (given, says) in cases {
        let mut folder = folder();
        give(&mut folder, &WHOLE);
        give(&mut folder, given);
        let faults = folder.faults();
        let text = faults.to_string();
        assert_eq!(faults.len(), 1, "{given:?}: {text}");
        assert!(text.contains(says), "{given:?} should say {says:?}: {text}");
        assert!(text.contains("CARD_VAULT_"), "{text}");
    }
}

#[test]
fn what_only_an_address_uses_is_a_fault_without_one() {
    for (name, value) in &WHOLE[1..] {
        for socket in [&[][..], &[("SOCKET", "/run/vault.sock")]] {
            let mut folder = folder();
            give(&mut folder, &[(*name, *value)]);
            give(&mut folder, socket);
            let faults = folder.faults();
            let text = faults.to_string();
            assert_eq!(faults.len(), 1, "{name}: {text}");
            assert!(text.contains("given without card_vault_address"), "{name}: {text}");
        }
    }
}

// Where only issuers and networks may keep numbers there is no vault for them, wherever.
#[test]
fn a_profile_without_numbers_has_no_vault() {
    let mut folder = folder();
    folder.environment("EXCHEQUER_PROFILE", "rbi");
    give(&mut folder, &WHOLE);
    let text = folder.faults().to_string();
    assert!(text.contains("keeps no card numbers"), "{text}");
}
