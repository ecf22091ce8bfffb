//! What `exchequer init` makes.

use super::{key_line, write};
use crate::config::{Config, Created, InitError, Sources, init_files, read_master_key};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn sources(created: &Created) -> Sources {
    Sources { file: Some(created.config_file.clone()), ..Sources::default() }
}

// PCI DSS 3.6.1.2, 3.7.3: the master key is made in a file that its owner alone can read.
#[test]
fn a_new_bank_loads_as_it_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let bank = dir.path().join("a \"new\" bank");
    let created = init_files(&bank, &key_line(), false).unwrap();

    assert_eq!(mode(&created.master_key_file), 0o600);
    assert_eq!(mode(&created.config_file), 0o600);
    assert_eq!(mode(&created.data_dir), 0o700);
    let line = std::fs::read_to_string(&created.master_key_file).unwrap();
    assert_eq!(line, key_line());
    assert!(read_master_key(&created.master_key_file).is_ok());

    let config = Config::load(&sources(&created)).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.data_dir, created.data_dir);
    assert_eq!(config.master_key_file, created.master_key_file);
}

#[test]
fn nothing_is_overwritten() {
    for there in ["exchequer.toml", "master.key"] {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join(there), "mine", 0o644);
        let refused = init_files(dir.path(), &key_line(), false).unwrap_err();
        assert!(matches!(refused, InitError::Exists { .. }), "{refused}");
        assert_eq!(std::fs::read_to_string(dir.path().join(there)).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "something was made");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = dir.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, dir.path().join("master.key")).unwrap();
    assert!(matches!(init_files(dir.path(), &key_line(), false), Err(InitError::Exists { .. })));
    assert!(!elsewhere.exists());
}

#[test]
fn a_folder_that_everybody_writes_to_gets_no_key() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    assert!(matches!(
        init_files(dir.path(), &key_line(), false),
        Err(InitError::OpenFolder { .. })
    ));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_error_holds_nothing_of_the_key() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("file"), "", 0o600);
    let refused = init_files(&dir.path().join("file/below"), &key_line(), false).unwrap_err();
    assert!(matches!(refused, InitError::Folder { .. }), "{refused}");
    assert!(!refused.to_string().contains(key_line().trim()));
}

#[test]
fn an_encrypted_bank_says_so_in_its_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let created = init_files(dir.path(), &key_line(), true).unwrap();
    let text = std::fs::read_to_string(&created.config_file).unwrap();
    let (_, section) = text.split_once("\n[database]\n").unwrap();
    let (section, _) = section.split_once("\n[").unwrap();
    assert!(section.lines().any(|line| line == "encrypted = true"), "{section}");
    match Config::load(&sources(&created)) {
        Ok(config) => assert!(store::CAN_ENCRYPT && config.database.is_encrypted),
        Err(faults) => assert!(faults.to_string().contains("this build cannot open"), "{faults}"),
    }
}
