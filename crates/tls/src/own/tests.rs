//! What `own` promises.

use super::*;
use crate::trial::{Authority, Pair};
use money::Timestamp;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn pair() -> Pair {
    Authority::new(Timestamp::EPOCH, Timestamp::MAX).unwrap().issue("bank", &[]).unwrap()
}

fn put(folder: &TempDir, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn a_pair_is_read_as_it_stands_in_its_files() {
    let (folder, pair) = (tempfile::tempdir().unwrap(), pair());
    let files = OwnFiles {
        certificate_file: put(&folder, "own.pem", &pair.certificate_pem(), 0o644),
        key_file: put(&folder, "own.key", &pair.key_pem(), 0o640),
    };
    let read = files.read().unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(read.certificate, pair.certificate_pem().as_bytes());
    assert_eq!(read.key.as_slice(), pair.key_pem().as_bytes());
}

#[test]
fn what_is_no_pair_or_everybody_s_is_refused() {
    let (folder, pair, other) = (tempfile::tempdir().unwrap(), pair(), pair());
    let certificate_file = put(&folder, "own.pem", &pair.certificate_pem(), 0o644);
    let refusal = |key: &str, mode| {
        let key_file = put(&folder, "own.key", key, mode);
        OwnFiles { certificate_file: certificate_file.clone(), key_file }.read().err()
    };
    assert_eq!(refusal(&other.key_pem(), 0o600), Some(Refusal::Mismatch));
    assert_eq!(refusal("", 0o600), Some(Refusal::NoKey));
    let open = refusal(&pair.key_pem(), 0o644);
    assert!(matches!(open, Some(Refusal::KeyFile(_))), "{open:?}");
    let nowhere = folder.path().join("nowhere");
    let files = OwnFiles { certificate_file: nowhere, key_file: put(&folder, "k", "", 0o600) };
    assert!(matches!(files.read().err(), Some(Refusal::CertificateFile(_))));
}

#[test]
fn an_alert_is_found_wherever_it_stands_in_an_error() {
    let alert = || rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
    let wants = Some("it wants a certificate of the bank's");
    assert_eq!(refused_by_server(&alert()), wants);
    let wrapped = io::Error::new(io::ErrorKind::InvalidData, alert());
    assert_eq!(refused_by_server(&wrapped), wants);
    let shared: Arc<dyn Error + Send + Sync> = Arc::new(wrapped);
    assert_eq!(refused_by_server(&shared), wants);
    assert_eq!(refused_by_server(&io::Error::other("something else")), None);
    assert_eq!(
        refused_by_server(&rustls::Error::AlertReceived(AlertDescription::CloseNotify)),
        None
    );
}
