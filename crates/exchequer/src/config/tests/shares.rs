//! The master key in shares: which files give a key, and what is said of those that do not.

use super::{Folder, key_line, write};
use crate::config::{Config, InitError, read_key_shares, read_master_key, write_shares};
use money::Rng;
use std::path::{Path, PathBuf};
use vault::{KeyShare, MasterKey};

fn key(seed: u64) -> MasterKey {
    MasterKey::generate(&Rng::seeded(seed)).unwrap()
}

fn lines(key: &MasterKey, count: u8) -> Vec<String> {
    let shares = key.split(&Rng::System, count).unwrap();
    shares.iter().map(KeyShare::to_file).map(|line| line.expose().to_owned()).collect()
}

impl Folder {
    /// Files of these shares, and no whole key.
    fn with_shares(lines: &[String]) -> (Self, Vec<PathBuf>) {
        let mut folder = Self::new();
        std::fs::remove_file(folder.path("master.key")).unwrap();
        folder.environment("EXCHEQUER_MASTER_KEY_FILE", "");
        let paths: Vec<_> =
            (1..=lines.len()).map(|number| folder.path(&format!("{number}.share"))).collect();
        for (path, line) in paths.iter().zip(lines) {
            write(path, line, 0o600);
        }
        folder.name_shares(&paths);
        (folder, paths)
    }

    fn name_shares(&mut self, paths: &[PathBuf]) {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        self.environment("EXCHEQUER_MASTER_KEY_SHARE_FILES", &names.join(", "));
    }
}

fn refusal(paths: &[PathBuf]) -> String {
    read_key_shares(paths).err().expect("shares that should be refused are not")
}

// PCI DSS 3.7.6: the bank opens with the shares of all custodians, and with nothing less.
#[test]
fn all_shares_are_a_master_key_and_any_fewer_are_none() {
    for count in [2, 3, 8] {
        let (mut folder, paths) = Folder::with_shares(&lines(&key(7), count));
        let config = folder.load();
        assert_eq!(config.master_key_share_files, paths);
        let whole = folder.path("whole.key");
        write(&whole, &key_line(), 0o600);
        let whole = read_master_key(&whole).map(|key| key.id());
        assert_eq!(read_key_shares(&paths).map(|key| key.id()), whole);
        let listed: Vec<_> =
            paths.iter().map(|path| format!("{:?}", path.display().to_string())).collect();
        let shown = format!("master_key_share_files = [{}]", listed.join(", "));
        assert!(config.render().contains(&shown), "{}", config.render());
        folder.name_shares(&paths[1..]);
        let faults = folder.faults().to_string();
        let says = if count == 2 {
            "here are 1 files".to_owned()
        } else {
            format!("share 1 of {count} is missing")
        };
        assert!(faults.contains(&says), "{faults}");
    }
}

#[test]
fn a_list_in_the_file_is_as_good_and_an_empty_one_is_none() {
    let (mut folder, paths) = Folder::with_shares(&lines(&key(7), 2));
    let [one, two] = [&paths[0], &paths[1]].map(|path| path.display().to_string());
    folder.sources.environment.retain(|(name, _)| !name.ends_with("SHARE_FILES"));
    folder.file(&format!("master_key_share_files = [{one:?}, {two:?}]"));
    assert_eq!(folder.load().master_key_share_files, paths);
    let mut folder = Folder::new();
    folder.file("master_key_share_files = []");
    assert!(folder.load().master_key_share_files.is_empty());
}

// PCI DSS 3.7.6, 3.7.7: a share of another key, of another splitting, the same twice, a damaged or forged one and one too many
// are each refused by name of the file, before anything is opened.
#[test]
fn what_is_no_set_of_shares_is_refused_by_name_of_the_file() {
    let ours = lines(&key(7), 3);
    let (folder, paths) = Folder::with_shares(&ours);
    let name = |at: usize| paths[at].display().to_string();
    let with_third = |line: &str| {
        write(&paths[2], line, 0o600);
        refusal(&paths)
    };
    let refused = with_third(&lines(&key(8), 3)[2]);
    assert!(
        refused.starts_with(&name(2)) && refused.contains("another master key than"),
        "{refused}"
    );
    assert!(refused.ends_with(&name(0)), "{refused}");
    let refused = with_third(&lines(&key(7), 3)[2]);
    assert!(refused.starts_with(&name(2)) && refused.contains("another splitting"), "{refused}");
    let refused = with_third(&ours[1]);
    assert!(
        refused.starts_with(&name(2)) && refused.ends_with(&format!("share as {}", name(1))),
        "{refused}"
    );
    let place = ours[2].len() / 2;
    let changed = if ours[2].as_bytes()[place] == b'A' { "B" } else { "A" };
    let refused = with_third(&[&ours[2][..place], changed, &ours[2][place + 1..]].concat());
    assert!(refused.starts_with(&name(2)) && refused.contains("damaged"), "{refused}");
    let refused = with_third(&key_line());
    assert!(refused.contains("this is not a share of a master key"), "{refused}");
    write(&paths[2], &ours[2], 0o600);
    let again = [&paths[..], &paths[..1]].concat();
    assert!(refusal(&again).ends_with(&format!("share as {}", name(0))));
    assert!(
        refusal(&std::array::from_fn::<_, 9, _>(|_| paths[0].clone())).contains("here are 9 files")
    );
    std::fs::remove_file(&paths[1]).unwrap();
    assert_eq!(refusal(&paths), format!("{}: it does not exist", name(1)));
    let faults = folder.faults().to_string();
    assert!(
        faults.contains("EXCHEQUER_MASTER_KEY_SHARE_FILES") && faults.contains(&name(1)),
        "{faults}"
    );
    // Nothing of any share is in what is said.
    for line in ours {
        let secret = line.trim().rsplit(':').nth(1).unwrap();
        assert!(!faults.contains(secret) && !refused.contains(secret));
    }
}

// PCI DSS 3.6.1.3: a share that anybody but the bank's own user can read, or replace, is refused.
#[test]
fn a_share_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, mut paths) = Folder::with_shares(&lines(&key(7), 2));
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for open in [0o640, 0o604, 0o644, 0o660] {
        mode(&paths[1], open);
        let refused = refusal(&paths);
        assert!(refused.contains(&format!("2.share: it has mode {open:04o}")), "{refused}");
    }
    mode(&paths[1], 0o400);
    assert!(read_key_shares(&paths).is_ok());
    let everybody_s = folder.path("open");
    std::fs::create_dir(&everybody_s).unwrap();
    mode(&everybody_s, 0o777);
    let there = everybody_s.join("2.share");
    std::fs::rename(&paths[1], &there).unwrap();
    paths[1] = there;
    assert!(refusal(&paths).contains("can be written to by everybody"));
}

#[test]
fn a_master_key_is_in_one_place() {
    let (mut folder, _) = Folder::with_shares(&lines(&key(7), 2));
    write(&folder.path("master.key"), &key_line(), 0o600);
    let whole = folder.path("master.key").display().to_string();
    folder.environment("EXCHEQUER_MASTER_KEY_FILE", &whole);
    let faults = folder.faults().to_string();
    assert!(faults.contains("there is another master key, in shares"), "{faults}");
    folder.environment("EXCHEQUER_MASTER_KEY_FILE", "");
    folder.load();
    folder.environment("EXCHEQUER_MASTER_KEY_KMS_KEY", "alias/exchequer");
    let faults = folder.faults().to_string();
    assert!(faults.contains("there is another master key, in AWS KMS"), "{faults}");

    folder.environment("EXCHEQUER_MASTER_KEY_KMS_KEY", "");
    folder.sources.environment.retain(|(name, _)| !name.ends_with("MASTER_KEY_FILE"));
    let demo = Config::load_demo(Some(folder.path("demo")), None, &folder.sources).err().unwrap();
    assert!(demo.to_string().contains("a demo bank has a key of its own"), "{demo}");
}

#[test]
fn shares_are_written_once_and_each_for_its_owner_alone() {
    let shares = || key(7).split(&Rng::System, 2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    let written = |paths: [&Path; 2]| {
        let files: Vec<_> =
            paths.into_iter().zip(&shares()).map(|(path, share)| (path, share.to_file())).collect();
        write_shares(&files)
    };
    assert!(matches!(written([&one, &one]), Err(InitError::Twice { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // However it is spelled.
    std::fs::create_dir(folder.path().join("x")).unwrap();
    let again = folder.path().join("x/../one");
    assert!(matches!(written([&one, &again]), Err(InitError::Twice { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left of it");
    written([&one, &two]).unwrap();
    assert!(read_key_shares(&[one.clone(), two.clone()]).is_ok(), "their modes are right");
    std::fs::remove_file(&one).unwrap();
    let before = std::fs::read(&two).unwrap();
    assert!(matches!(written([&one, &two]), Err(InitError::Exists { .. })));
    assert!(!one.exists() && std::fs::read(&two).unwrap() == before);
    let nowhere = folder.path().join("nowhere/one");
    assert!(matches!(written([&nowhere, &one]), Err(InitError::OpenFolder { .. })));
}
