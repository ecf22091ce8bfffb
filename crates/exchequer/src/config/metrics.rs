//! Where metrics are told: on this machine, or where a network encrypts by itself.

use std::net::SocketAddr;

use super::reading::{Reading, quoted};

pub(super) fn read(reading: &mut Reading) -> Option<SocketAddr> {
    let is_plain = reading.boolean("metrics_plaintext");
    let text = reading.text("metrics_listen")?;
    match text.parse::<SocketAddr>() {
        Ok(listen) if listen.ip().is_loopback() || is_plain => Some(listen),
        Ok(listen) => {
            let wrong = format!("{listen} can be reached from other machines, without TLS");
            let allowed = "127.0.0.1:PORT or [::1]:PORT; or any address with metrics_plaintext = true \
                           (EXCHEQUER_METRICS_PLAINTEXT) in a network that encrypts by itself";
            reading.fault("metrics_listen", wrong, allowed);
            None
        }
        Err(_not_an_address) => {
            let wrong = format!("{} is no address with a port", quoted(&text));
            let allowed = "an IP address and a port, such as 127.0.0.1:9464";
            reading.fault("metrics_listen", wrong, allowed);
            None
        }
    }
}
