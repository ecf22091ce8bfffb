//! The table, the reference file, `.env.example` and `render` say the same.
//!
//! `EXCHEQUER_TEST_WRITE=1 cargo test -p exchequer config` writes the two files anew.

use super::Folder;
use crate::config::{Config, LogFormat, REFERENCE, SETTINGS, Setting, render::literal};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const TOML_HEAD: &str = "\
# Exchequer: every setting, its default, and what it does.
#
# Remove the # before a line to change its value. Over this file go .env and then the environment,
# where a setting is EXCHEQUER_ and its name in capitals, sections included: drain_seconds below
# [http] is EXCHEQUER_HTTP_DRAIN_SECONDS. An unknown name, here or there, stops the start; so does
# any value out of bounds, and all faults are listed at once. `exchequer check-config` prints what
# is in force. A secret may be given as NAME_file, the path of a file that holds it.
";

const ENV_HEAD: &str = "\
# Copy to .env and remove the # before what you change. What each setting does stands in the
# reference, crates/exchequer/src/config/exchequer.toml, under the same names.
#
# This file goes over the configuration file, and the environment over this file. Keep values in
# single quotes: outside of them $NAME is replaced and # begins a comment. Lists have commas.
";

const COLUMNS: usize = 98;

fn paragraph(text: &str) -> String {
    let mut lines = String::new();
    let mut line = "#".to_owned();
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines.push_str(&line);
            lines.push('\n');
            line = "#".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}

fn expected_toml() -> String {
    let mut text = TOML_HEAD.to_owned();
    let mut section = "";
    for setting in SETTINGS {
        if setting.section != section {
            section = setting.section;
            write!(text, "\n[{section}]\n").unwrap();
        }
        let value = literal(setting, setting.default);
        write!(text, "\n{}#{} = {value}\n", paragraph(setting.doc), setting.key).unwrap();
    }
    text
}

fn expected_env() -> String {
    let mut text = ENV_HEAD.to_owned();
    let mut section = "-";
    for setting in SETTINGS {
        if setting.section != section {
            section = setting.section;
            text.push('\n');
        }
        writeln!(text, "#{}='{}'", setting.environment_name(), setting.default).unwrap();
    }
    text
}

fn compare(path: &Path, expected: &str) {
    if std::env::var_os("EXCHEQUER_TEST_WRITE").is_some() {
        std::fs::write(path, expected).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        committed,
        expected,
        "{} differs from the table of settings: EXCHEQUER_TEST_WRITE=1 writes it anew",
        path.display()
    );
}

fn crate_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_reference_file_lists_every_setting_with_its_default_and_nothing_else() {
    compare(&crate_folder().join("src/config/exchequer.toml"), &expected_toml());
}

#[test]
fn the_example_environment_lists_every_setting_with_its_default_and_nothing_else() {
    compare(&crate_folder().join("../../.env.example"), &expected_env());
}

#[test]
fn names_are_unique_and_no_two_settings_share_a_variable() {
    let names: BTreeSet<String> = SETTINGS.iter().map(Setting::environment_name).collect();
    assert_eq!(names.len(), SETTINGS.len());
}

/// The reference with every line in force, but for the one that has no default.
fn uncommented() -> String {
    let in_force = REFERENCE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest,
        _ => line,
    });
    in_force.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_defaults_written_out_are_the_defaults() {
    let mut written = Folder::new();
    let by_default = written.load().render();
    written.file(&uncommented());
    assert_eq!(written.load().render(), by_default);

    let mut as_variables = Folder::new();
    as_variables.dotenv(&expected_env().replace("#EXCHEQUER", "EXCHEQUER"));
    let there = as_variables.load().render();
    let place = |folder: &Folder| folder.dir.path().display().to_string();
    assert_eq!(there.replace(&place(&as_variables), ""), by_default.replace(&place(&written), ""));
}

#[test]
fn the_defaults_are_those_that_the_design_names() {
    let config = Folder::new().load();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.http.public_url, "http://127.0.0.1:8080");
    assert_eq!(config.tokens.issuer, config.http.public_url);
    assert_eq!(config.http.max_body_bytes, 65_536);
    assert_eq!(config.http.max_bulk_body_bytes, 4_194_304);
    assert_eq!(config.tokens.access_seconds, 300);
    assert_eq!(config.sessions.idle_seconds, 900);
    assert_eq!(config.passwords.min_characters, 15);
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(config.rate_limits_on && !config.demo && config.http.cors_origins.is_empty());
}

#[test]
fn what_is_rendered_can_be_read_again_and_says_the_same() {
    let mut folder = Folder::new();
    folder.file(
        "profile = \"psd2\"\n[http]\n\
         cors_origins = [\"https://a.example\", \"http://localhost:1\"]\n",
    );
    let rendered = folder.load().render();
    for setting in SETTINGS {
        let line = format!("\n{} = ", setting.key);
        assert!(format!("\n{rendered}").contains(&line), "{} is missing", setting.name());
    }
    folder.file(&rendered);
    assert_eq!(folder.load().render(), rendered);
}

#[test]
fn a_demo_bank_needs_nothing_and_says_where_it_is() {
    let folder = Folder::new();
    let listen = "127.0.0.1:0".parse().unwrap();
    let config = Config::demo(folder.path("demo"), listen);
    assert!(config.demo);
    assert_eq!(config.log.format, LogFormat::Text);
    let rendered = config.render();
    for part in ["demo/bank.db", "demo/master.key", "127.0.0.1:0"] {
        assert!(rendered.contains(part), "{part} is missing in {rendered}");
    }
}
