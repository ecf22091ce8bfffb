//! The disk of a bank is encrypted: what can be read on it without the key, and what is there after a crash with it.
//!
//! Order: a bank on a plain disk as the control, where the search must find what it looks for; the same on a disk whose
//! folder fscrypt encrypts; the search while it serves; a copy of the disk under load; SIGKILL; the folder locked, the
//! disk taken away and put back; the search; the key, and service; the same with the copy. Bound: 1 GiB for each disk, most
//! of it holes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::backup::{DATABASE, address, brought, query};
use super::bank::{Bank, LIMIT, PACE, QUICK, Writer};
use super::disk::expect;
use super::watch::after;
use super::{Found, Scene, seconds};
use crate::Result;
use crate::postgres::{Cluster, Server};
use crate::process::now;
use crate::smoke::succeed;

mod image;
mod search;

use image::{Volume, able, run};
use search::{Needles, files_below};

/// Each in a column that is sealed.
const SEALED: [&str; 4] = [
    "wilhelmina.quagga@example.test",
    "Wilhelmina Unmistakable",
    "+919876501234",
    "Landlord Zygodactyl",
];
/// In columns that are not.
const OPEN: [&str; 3] = ["memo-of-rhadamanthine-rent", "Savings for Ytterbium", "hold-memo-syzygy"];
/// In one request, of which a customer has a hundred a minute.
const BATCH: usize = 20;
/// Acknowledged before the copy begins, and again after it.
const SOME: usize = 3 * BATCH;
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Server,
}

/// Where the bank's rows are: in its own folder, or in a server's.
struct Home<'guard> {
    cluster: Option<Cluster>,
    server: Option<Server<'guard>>,
}

pub fn of_a_file(scene: &Scene<'_>) -> Result<Found> {
    let found = drill(scene, Kind::File)?;
    Ok(Found { broken: "SQLite on an encrypted disk: SIGKILL, locked and taken away", ..found })
}

pub fn of_postgres(scene: &Scene<'_>) -> Result<Found> {
    let found = drill(scene, Kind::Server)?;
    let broken =
        "PostgreSQL on an encrypted disk: SIGKILL to server and bank, locked and taken away";
    Ok(Found { broken, ..found })
}

fn drill(scene: &Scene<'_>, kind: Kind) -> Result<Found> {
    able()?;
    let mut bank = Bank::seeded(scene)?;
    let people = scene.guard.folder().join("people.bank").display().to_string();
    succeed("exchequer backup", bank.output(&["backup", &people])?.status)?;
    // A name of a file is to be hidden as its contents are.
    let name = if kind == Kind::File { "bank.db" } else { "PG_VERSION" };
    let needles = Needles::of(&[&SEALED[..], &OPEN, &[name]].concat());
    let all: BTreeSet<String> = OPEN.iter().chain([&name]).map(|text| (*text).to_owned()).collect();
    let control = control(scene, kind, &mut bank, (&people, &needles, &all))?;

    let volume = Volume::make(scene.guard, "encrypted", true)?;
    let mut home = Home::on(&volume, kind, &mut bank, (scene, &people))?;
    let (before, _) = bank.verified()?;
    bank.forget();
    write(&mut bank, &mut home)?;
    volume.sync()?;
    let inside = needles.below(&volume.folder())?;
    found_all("the open folder", &inside.found, OPEN.map(str::to_owned).iter())?;
    let served = none("the disk while it serves", &needles, &volume.image)?;
    let (known, copy, took) = copied(&bank, &volume)?;
    let mut seen = vec![
        format!("on a plain disk all {} open texts are found, in {}", all.len(), mib(control)),
        format!("on the encrypted one none, in {} while it serves", mib(served)),
        format!("a copy under load took {}", seconds(took)),
    ];
    let names = names_below(&volume.folder())?;
    bank.kill()?;
    home.kill()?;
    let (files, looked) = taken_away(&volume, &needles, &names)?;
    let start = bank.output(&["serve"])?;
    if start.status.success() {
        return Err("a bank starts though its disk is locked".to_owned());
    }
    // With PostgreSQL the bank may just miss its server, which therefore has to be tried by itself.
    if home.cluster.is_some() && home.start(&mut bank, scene).is_ok() {
        return Err("PostgreSQL starts though its disk is locked".to_owned());
    }
    seen.push(format!(
        "locked: {files} files without name and content, another key is refused, a start ends \
         with {}; taken away: none, in {}",
        start.status,
        mib(looked)
    ));

    let began = now();
    volume.unlock()?;
    home.start(&mut bank, scene)?;
    serve(&mut bank)?;
    let back = began.elapsed();
    let (lost, acknowledged) = (bank.lost()?, bank.acknowledged());
    bank.stop()?;
    let (count, _) = bank.verified()?;
    home.stop();
    volume.lock()?;
    volume.close()?;
    let copy = Copy { volume: &copy, names: &names, known: &known };
    let (lost_there, told) = of_the_copy(&mut bank, &home, &copy, (scene, &needles))?;
    seen.push(told);
    Ok(Found {
        broken: "",
        seen,
        done: "mounted, unlocked with the key, started",
        back,
        before,
        acknowledged,
        after: count,
        lost: lost + lost_there,
    })
}

/// The same without encryption; the bytes that were looked at.
fn control(
    scene: &Scene<'_>,
    kind: Kind,
    bank: &mut Bank<'_>,
    (people, needles, all): (&str, &Needles, &BTreeSet<String>),
) -> Result<u64> {
    let folder = bank.folder.clone();
    let volume = Volume::make(scene.guard, "plain", false)?;
    let mut home = Home::on(&volume, kind, bank, (scene, people))?;
    write(bank, &mut home)?;
    volume.sync()?;
    let looked = needles.within(&volume.image)?;
    found_all("a plain disk", &looked.found, all.iter())?;
    if let Some(text) = SEALED.iter().find(|text| looked.found.contains(**text)) {
        return Err(format!("`{text}`, which a column seals, is on a plain disk"));
    }
    bank.stop()?;
    home.stop();
    bank.folder = folder;
    volume.close()?;
    Ok(looked.bytes)
}

/// Serves, and writes each text by the API; then the rows are in files.
fn write(bank: &mut Bank<'_>, home: &mut Home<'_>) -> Result<()> {
    serve(bank)?;
    let customer = json!({
        "email": SEALED[0], "password": "a long enough passphrase", "full_name": SEALED[1],
        "phone": SEALED[2]
    });
    expect(bank.post("/v1/customers", customer)?.status, 201, "a customer")?;
    let account = json!({"currency": "INR", "name": OPEN[1]});
    expect(bank.post("/v1/accounts", account)?.status, 201, "an account")?;
    let theirs = &bank.told["customers"][1]["accounts"][0]["id"];
    let payee = json!({"account": theirs, "name": SEALED[3]});
    expect(bank.post("/v1/beneficiaries", payee)?.status, 201, "a payee")?;
    let mut order = bank.order();
    order["memo"] = json!(OPEN[2]);
    expect(bank.post("/v1/holds", order.clone())?.status, 201, "a hold")?;
    order["memo"] = json!(OPEN[0]);
    let sent = bank.post("/v1/transfers", order)?;
    expect(sent.status, 201, "a transfer with a memo")?;
    bank.note(sent.body["id"].as_str().map(str::to_owned).into_iter().collect());
    if let Some(server) = &home.server {
        query(server, "CHECKPOINT")?;
    }
    Ok(())
}

fn serve(bank: &mut Bank<'_>) -> Result<()> {
    bank.serve()?;
    after("a customer who signs in", (LIMIT, QUICK), || bank.sign_in().map(|()| true))?;
    after("a transfer", (LIMIT, PACE), || Ok(bank.transfer()? == 201)).map(drop)
}

/// The disk at one moment while transfers come; which were acknowledged before it, and how long it took.
fn copied<'guard>(
    bank: &Bank<'_>,
    volume: &Volume<'guard>,
) -> Result<(Vec<String>, Volume<'guard>, Duration)> {
    let (writer, over) = (bank.writer(), AtomicBool::new(false));
    let done = Mutex::new(bank.noted());
    let noted = || done.lock().map(|ids| ids.clone()).map_err(|error| error.to_string());
    let earlier = noted()?.len();
    let copied = thread::scope(|scope| {
        let load = scope.spawn(|| load(&writer, &over, &done));
        let copied = (|| {
            after("transfers before the copy", (LIMIT, QUICK), || {
                Ok(load.is_finished() || noted()?.len() >= earlier + SOME)
            })?;
            let (known, began) = (noted()?, now());
            let copy = volume.snapshot("copy")?;
            let (took, then) = (began.elapsed(), noted()?.len());
            after("transfers after the copy", (LIMIT, QUICK), || {
                Ok(load.is_finished() || noted()?.len() >= then + SOME)
            })?;
            Ok((known, copy, took))
        })();
        over.store(true, Ordering::Relaxed);
        let loaded = load.join().unwrap_or_else(|_| Err("the load panicked".to_owned()));
        loaded.and(copied)
    })?;
    bank.note(noted()?.split_off(earlier));
    Ok(copied)
}

fn load(writer: &Writer, over: &AtomicBool, done: &Mutex<Vec<String>>) -> Result<()> {
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let ids = writer.send(number, BATCH)?;
        done.lock().map_err(|error| error.to_string())?.extend(ids);
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Locked, searched, unmounted, searched, mounted: its files, and the bytes that were looked at.
fn taken_away(volume: &Volume<'_>, needles: &Needles, names: &[String]) -> Result<(usize, u64)> {
    volume.lock()?;
    let files = volume.locked(names)?;
    volume.close()?;
    let looked = none("the disk that was taken away", needles, &volume.image)?;
    volume.open()?;
    volume.refuses_another_key()?;
    if volume.locked(names)? != files {
        return Err("other files after the disk was put back".to_owned());
    }
    Ok((files, looked))
}

/// A disk that was copied while its bank served.
struct Copy<'run, 'guard> {
    volume: &'run Volume<'guard>,
    names: &'run [String],
    /// Acknowledged before the copy began.
    known: &'run [String],
}

fn of_the_copy(
    bank: &mut Bank<'_>,
    home: &Home<'_>,
    copy: &Copy<'_, '_>,
    (scene, needles): (&Scene<'_>, &Needles),
) -> Result<(u64, String)> {
    none("the copy", needles, &copy.volume.image)?;
    copy.volume.open()?;
    copy.volume.locked(copy.names)?;
    copy.volume.unlock()?;
    let mut there = home.copied_to(copy.volume)?;
    if there.cluster.is_none() {
        bank.folder = copy.volume.folder().join("bank");
    }
    there.start(bank, scene)?;
    let (count, _) = bank.verified()?;
    serve(bank)?;
    let lost = bank.missing(copy.known)?;
    bank.stop()?;
    there.stop();
    copy.volume.lock()?;
    copy.volume.close()?;
    let known = copy.known.len();
    Ok((
        lost,
        format!(
            "the copy, unlocked: {count} transfers, {lost} lost of {known} from before it, books right"
        ),
    ))
}

impl<'guard> Home<'guard> {
    /// Brings the bank's people there; the server runs then, the bank does not.
    fn on(
        volume: &Volume<'_>,
        kind: Kind,
        bank: &mut Bank<'_>,
        (scene, people): (&Scene<'guard>, &str),
    ) -> Result<Self> {
        if kind == Kind::File {
            let folder = volume.folder().join("bank");
            run(std::process::Command::new("cp").arg("-a").arg(&bank.folder).arg(&folder))?;
            bank.folder = folder;
            return Ok(Self { cluster: None, server: None });
        }
        let cluster = Cluster::create(volume.folder().join("postgres"), true)?;
        let server = cluster.start(scene.guard)?;
        brought(bank, people, &server)?;
        Ok(Self { cluster: Some(cluster), server: Some(server) })
    }

    fn copied_to(&self, volume: &Volume<'_>) -> Result<Self> {
        let place = volume.folder().join("postgres");
        let cluster = self.cluster.as_ref().map(|cluster| cluster.copied_to(place)).transpose()?;
        Ok(Self { cluster, server: None })
    }

    fn start(&mut self, bank: &mut Bank<'_>, scene: &Scene<'guard>) -> Result<()> {
        if let Some(cluster) = &self.cluster {
            let server = cluster.start(scene.guard)?;
            bank.set(DATABASE, address(&server, "first"));
            self.server = Some(server);
        }
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        self.server.take().map_or(Ok(()), Server::kill)
    }

    fn stop(&mut self) {
        drop(self.server.take());
    }
}

fn found_all<'text>(
    place: &str,
    found: &BTreeSet<String>,
    mut wanted: impl Iterator<Item = &'text String>,
) -> Result<()> {
    match wanted.find(|text| !found.contains(*text)) {
        Some(missing) => Err(format!("`{missing}` is not found in {place}")),
        None => Ok(()),
    }
}

/// The bytes that were looked at, where nothing is found.
fn none(place: &str, needles: &Needles, image: &Path) -> Result<u64> {
    let looked = needles.within(image)?;
    match looked.found.first() {
        Some(text) => Err(format!("`{text}` is found in {place}")),
        None => Ok(looked.bytes),
    }
}

/// Of files and folders, each once.
fn names_below(folder: &Path) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for file in files_below(folder)? {
        let below = file.strip_prefix(folder).map_err(|error| error.to_string())?;
        names.extend(below.iter().map(|part| part.to_string_lossy().into_owned()));
    }
    if names.is_empty() {
        Err("an empty folder".to_owned())
    } else {
        Ok(names.into_iter().collect())
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
