//! What the logs of both sides have of a payment, at the finest level.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// On one thread, so that everything of both sides is caught.
#[tokio::test]
async fn neither_a_card_nor_a_secret_is_logged() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .without_time()
        .with_writer(lines.clone())
        .finish();
    // With a single dispatcher, a place that another test's thread logs at first is silent for all.
    let second = tracing::Dispatch::new(tracing_subscriber::registry());
    let guard = tracing::subscriber::set_default(subscriber);
    let scene = Scene::with(None, Some("http://127.0.0.1:9/nobody".to_owned())).await;
    for test in TEST_CARDS.iter().filter(|test| test.fate != Fate::Hangs) {
        let payment = scene.payment();
        let outcome = scene.pay(payment, test.number).await;
        tracing::info!(?outcome, "paid");
        let asked = scene.ask(payment, true).await;
        tracing::info!(?asked, "asked");
    }
    drop((guard, second));
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("a connection ended"), "the cut connections are in it");
    let last_fours = TEST_CARDS.map(|card| &card.number[card.number.len() - 8..]);
    for hidden in last_fours.into_iter().chain([SECRET]) {
        assert!(!text.contains(hidden), "{hidden}");
    }
    let mut numbers = text.split(|c: char| !c.is_ascii_alphanumeric());
    assert!(numbers.all(|number| number != "737"), "the security code is in it");
}
