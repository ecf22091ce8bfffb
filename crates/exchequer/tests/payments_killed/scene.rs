//! A bank of `exchequer serve`, a gateway of `exchequer sandbox-gateway`, and a merchant who signs.

use serde_json::Value;
use testkit::Signer;
use testkit::process::{HttpRequest, Server};

pub const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");
pub const GATEWAY_SECRET: &str = "a secret of bank and gateway";

pub struct Scene {
    folder: tempfile::TempDir,
    pub gateway: Server,
    pub merchant: Signer,
}

impl Scene {
    /// A demo's bank, served by `exchequer serve` beside a gateway of its own.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("bank").to_string_lossy().into_owned();
        let arguments = ["demo", "--json", "--data", &data, "--listen", "127.0.0.1:0"];
        let demo = Server::start(BINARY.as_ref(), &arguments, &[]);
        let merchant = Signer::of_demo(&demo);
        assert!(demo.terminate().success());
        let journal = folder.path().join("journal").to_string_lossy().into_owned();
        let arguments = ["sandbox-gateway", "--listen", "127.0.0.1:0", "--journal", &journal];
        let environment = [("EXCHEQUER_SANDBOX_SECRET", GATEWAY_SECRET)];
        let gateway = Server::start(BINARY.as_ref(), &arguments, &environment);
        Self { folder, gateway, merchant }
    }

    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("bank")
    }

    pub fn start(&self, die_at: Option<&str>) -> Server {
        let data = self.data().to_string_lossy().into_owned();
        let key = self.data().join("master.key").to_string_lossy().into_owned();
        let url = format!("http://{}", self.gateway.address());
        let mut environment = vec![
            ("EXCHEQUER_DATA_DIR", &*data),
            ("EXCHEQUER_MASTER_KEY_FILE", &key),
            ("EXCHEQUER_LISTEN", "127.0.0.1:0"),
            ("EXCHEQUER_SANDBOX_URL", &url),
            ("EXCHEQUER_SANDBOX_SECRET", GATEWAY_SECRET),
        ];
        environment.extend(die_at.map(|at| ("EXCHEQUER_TEST_DIE_AT", at)));
        Server::start(BINARY.as_ref(), &["serve"], &environment)
    }

    pub fn knobs(&self, chaos: &Value) {
        let request = HttpRequest {
            method: "PUT",
            path: "/chaos",
            token: Some(GATEWAY_SECRET),
            body: Some(chaos),
            ..HttpRequest::default()
        };
        let reply = self.gateway.client().send(&request).expect("the gateway answers");
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    }
}
