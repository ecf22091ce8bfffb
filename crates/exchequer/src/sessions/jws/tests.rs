//! RFC 7515's own example, and Wycheproof's cases where EXCHEQUER_REFS names their folder.

use serde_json::Value;

use super::*;

fn key(json: &Value) -> Option<DeviceKey> {
    serde_json::from_value::<Jwk>(json.clone()).ok()?.public_key()
}

/// Whether `text` is signed by `key`, brought by us; a key inside the text is nobody's word.
fn is_signed(text: &str, key: &DeviceKey) -> bool {
    parse(text).is_some_and(|jws| jws.header.jwk.is_none() && jws.verify(key).is_some())
}

/// RFC 7515 appendix A.3 (ES256).
#[test]
fn the_example_of_rfc_7515_is_verified_and_no_change_of_it_is() {
    let jwk = serde_json::json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let key = key(&jwk).expect("a public key");
    let text = "eyJhbGciOiJFUzI1NiJ9.\
                eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert!(is_signed(text, &key));
    for place in 0..text.len() {
        let mut changed = text.as_bytes().to_vec();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        assert!(!is_signed(&changed, &key), "byte {place}");
        assert!(!is_signed(&text[..place], &key), "{place} bytes");
    }
}

// ASVS 11.6.1: Ed25519 and P-256 are taken, RSA and shared keys are not.
#[test]
fn only_public_signature_keys_of_two_kinds_are_keys() {
    let ed = serde_json::json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    });
    let changed = |name: &str, value: Value| {
        let mut json = ed.clone();
        json[name] = value;
        json
    };
    assert!(key(&ed).is_some());
    assert!(key(&changed("kid", "any".into())).is_some());
    assert!(key(&changed("use", "sig".into())).is_some());
    for (name, value) in [
        ("d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"),
        ("k", "AAAA"),
        ("p", ""),
        ("use", "enc"),
        ("alg", "ES256"),
        ("alg", "none"),
        ("kty", "EC"),
        ("kty", "oct"),
        ("kty", "RSA"),
        ("crv", "Ed448"),
        ("crv", "P-256"),
        ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ"),
        ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
        ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp"),
    ] {
        assert!(key(&changed(name, value.into())).is_none(), "{name} {value}");
    }
    assert!(key(&changed("key_ops", serde_json::json!(["encrypt"]))).is_none());
}

/// A file of Wycheproof's. None where this run has none.
fn cases_of(name: &str) -> Option<Value> {
    let Ok(refs) = std::env::var("EXCHEQUER_REFS") else {
        println!("skipped: EXCHEQUER_REFS does not name the folder of the reference data");
        return None;
    };
    let path = std::path::Path::new(&refs).join("wycheproof").join(name);
    let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_slice(&file).expect("JSON"))
}

/// ASVS 9.1.2: only listed algorithms; `none`, symmetric and RSA signatures are not even looked at.
#[test]
fn every_case_of_wycheproof_is_judged_rightly() {
    let Some(cases) = cases_of("json_web_signature_test.json") else { return };
    let (mut judged, mut accepted) = (0, 0);
    for group in cases["testGroups"].as_array().expect("groups") {
        // Symmetric groups have no public key; their secret is no key of ours either.
        let known = key(&group["public"]).or_else(|| key(&group["private"]));
        for case in group["tests"].as_array().expect("cases") {
            let text = case["jws"].as_str().map_or_else(|| case["jws"].to_string(), str::to_owned);
            let header = parse(&text).map(|jws| jws.header.alg).unwrap_or_default();
            let ours = known.is_some() && (header == "ES256" || header == "EdDSA");
            let right = case["result"] == "valid" && ours;
            let taken = known.as_ref().is_some_and(|key| is_signed(&text, key));
            assert_eq!(taken, right, "case {}: {}", case["tcId"], case["comment"]);
            judged += 1;
            accepted += u32::from(taken);
        }
    }
    assert_eq!(judged, cases["numberOfTests"].as_u64().expect("a number"));
    assert!(accepted >= 2, "only {accepted} were taken");
}

/// Of the cases about keys those of P-256 are about keys that we could take: each has one fault, and without it the
/// same signature is taken. The others are of kinds that we take none of, so that whatever Wycheproof has valid among
/// them is refused too: shared secrets (HS256 and its like), RSA. Sets of keys are not implemented at all: who calls
/// brings the one key, so each of a set is asked by itself, and which name it has is of no matter.
#[test]
fn every_key_of_wycheproof_is_judged_rightly() {
    let Some(cases) = cases_of("json_web_key_test.json") else { return };
    let (mut secret, mut rsa, mut elliptic, mut mixed) = (vec![], vec![], vec![], vec![]);
    let mut valid = Vec::new();
    for group in cases["testGroups"].as_array().expect("groups") {
        let keys = |part: &str| group[part]["keys"].as_array().cloned().unwrap_or_default();
        let (private, public) = (keys("private"), keys("public"));
        let all: Vec<&Value> = private.iter().chain(&public).collect();
        let is_secret = |one: &Value| one.get("d").is_some() || one.get("k").is_some();
        assert!(
            all.iter().all(|one| !is_secret(one) || key(one).is_none()),
            "{}",
            group["comment"]
        );
        for case in group["tests"].as_array().expect("cases") {
            let (id, text) = (&case["tcId"], case["jws"].as_str().expect("a text"));
            let id = id.as_u64().expect("a number");
            let taken = all.iter().filter_map(|one| key(one)).any(|key| is_signed(text, &key));
            assert!(!taken, "case {id}: {}", case["comment"]);
            if case["result"] == "valid" {
                valid.push(id);
            }
            let is_of = |kind: &str| private.iter().all(|key| key["kty"] == kind);
            if public.iter().any(|key| key.get("crv").is_some()) {
                let mended = public.iter().filter_map(mended).any(|key| is_signed(text, &key));
                assert!(mended, "case {id} is refused for more than its key's one fault");
                elliptic.push(id);
            } else if is_of("oct") {
                secret.push(id);
            } else if is_of("RSA") {
                rsa.push(id);
            } else {
                mixed.push(id);
            }
        }
    }
    assert_eq!(elliptic, [19, 20, 21, 22, 23, 24]);
    assert_eq!(secret, [2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 25, 26]);
    assert_eq!((rsa, mixed), (vec![5, 6, 7, 8, 9], vec![1]));
    assert_eq!(valid, [2, 5, 13, 14, 15], "none of a kind that we take");
    assert_eq!(cases["numberOfTests"], 26);
}

/// The key that each of Wycheproof's on P-256 was before its one member was changed.
fn mended(json: &Value) -> Option<DeviceKey> {
    let mut json = json.clone();
    for (name, value) in [
        ("kty", "EC"),
        ("crv", "P-256"),
        ("alg", "ES256"),
        ("use", "sig"),
        ("y", "UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw"),
    ] {
        json[name] = value.into();
    }
    key(&json)
}
