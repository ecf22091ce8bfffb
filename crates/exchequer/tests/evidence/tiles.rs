//! Tiles over HTTP: a client of the test walks them, as other people's tools do, and comes to the signed root.

use std::cell::RefCell;
use std::collections::BTreeMap;

use merkle::{
    Checkpoint, Edge, Hash, TILE_WIDTH, TileId, TilePath, VerifierKey, inclusion_proof, root_of,
};
use serde_json::{Value, json};
use testkit::Client;

use crate::Town;

/// A log of more than two full tiles.
async fn long_log() -> Town {
    let town = Town::new().await;
    let one = json!({ "from": town.from, "to": town.to, "amount": 1, "currency": "INR" });
    let batch = json!({ "transfers": vec![one; 600], "atomic": true });
    let _done = town.asha.client.post("/v1/transfers/batch", &batch).await.expect(200);
    town.write().await;
    town
}

async fn checkpoint(client: &Client) -> Checkpoint {
    let keys = client.get("/v1/log/keys").await.expect(200);
    let key: VerifierKey = keys.text("/keys/0").parse().expect("a key");
    let reply = client.get("/v1/log/checkpoint").await.expect(200);
    let note = std::str::from_utf8(&reply.body).expect("text");
    Checkpoint::verified(note, &[key]).expect("signed")
}

/// All tiles of a size: the full ones, and the partial one at the end of each level.
fn paths(size: u64) -> Vec<TilePath> {
    let (mut paths, mut level, mut entries) = (Vec::new(), 0, size);
    while entries > 0 {
        let (full, rest) = (entries / 256, u16::try_from(entries % 256).expect("small"));
        paths.extend((0..full).map(|number| TilePath { id: TileId { level, number }, width: 256 }));
        if rest > 0 {
            paths.push(TilePath { id: TileId { level, number: full }, width: rest });
        }
        (level, entries) = (level + 1, full);
    }
    paths
}

async fn fetched(client: &Client, path: &TilePath) -> Vec<Hash> {
    let reply = client.get(&format!("/v1/log/{path}")).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let (hashes, rest) = reply.body.as_chunks::<32>();
    assert!(rest.is_empty() && hashes.len() == usize::from(path.width), "{path}");
    hashes.to_vec()
}

#[tokio::test]
async fn the_root_of_the_signed_checkpoint_is_that_of_the_tiles() {
    let town = long_log().await;
    let anybody = town.bank.client();
    let said = checkpoint(&anybody).await;
    assert!(said.size > 600, "{}", said.size);
    let mut tiles = BTreeMap::new();
    for path in paths(said.size) {
        tiles.insert(path.id, fetched(&anybody, &path).await);
    }
    assert_eq!(tiles.len(), 4, "three of level 0, one of level 1");
    // From the leaves alone, and with the higher tiles as they are served.
    let mut edge = Edge::default();
    for number in 0..3 {
        edge.append(&tiles[&TileId { level: 0, number }]);
    }
    assert_eq!((edge.size(), edge.root()), (said.size, said.root));
    let read = RefCell::new(0);
    let tile = |id: TileId| {
        *read.borrow_mut() += 1;
        tiles.get(&id).cloned().ok_or(id)
    };
    assert_eq!(root_of(said.size, tile), Ok(said.root));
    assert!(*read.borrow() > 0);
    // A proof that the client makes by itself is the one that the bank gives.
    let auditor = town.bank.operator(exchequer::staff::model::Role::Auditor).await;
    let id = town.asha.client.get(&format!("/v1/accounts/{}/entries", town.from)).await.expect(200);
    let id = id.text("/data/0/transfer_id");
    let event = id.replace("trf_", "evt_");
    let shown: Value =
        auditor.client.get(&format!("/v1/staff/log/{event}")).await.expect(200).json();
    let index = shown["index"].as_u64().expect("a number");
    let mine = inclusion_proof(index, said.size, tile).expect("all tiles are there");
    let mine: Vec<String> = mine.iter().map(|hash| data_encoding::BASE64.encode(hash)).collect();
    assert_eq!(json!(mine), shown["proof"]);
}

#[tokio::test]
async fn a_tile_is_served_at_every_width_that_is_signed_and_at_no_other() {
    let town = long_log().await;
    let anybody = town.bank.client();
    let size = checkpoint(&anybody).await.size;
    let rest = u16::try_from(size % 256).expect("small");
    let full =
        fetched(&anybody, &TilePath { id: TileId { level: 0, number: 0 }, width: 256 }).await;
    for (number, width) in [(0, 1), (0, 255), (2, 1), (2, rest)] {
        let path = TilePath { id: TileId { level: 0, number }, width };
        let part = fetched(&anybody, &path).await;
        if number == 0 {
            assert_eq!(part[..], full[..usize::from(width)]);
        }
    }
    let beyond = [
        TilePath { id: TileId { level: 0, number: 2 }, width: rest + 1 },
        TilePath { id: TileId { level: 0, number: 2 }, width: TILE_WIDTH },
        TilePath { id: TileId { level: 0, number: 3 }, width: 1 },
        TilePath { id: TileId { level: 1, number: 0 }, width: 3 },
        TilePath { id: TileId { level: 2, number: 0 }, width: 1 },
        TilePath { id: TileId { level: 0, number: 1_234_067 }, width: 8 },
        TilePath { id: TileId { level: 63, number: 0 }, width: 1 },
    ];
    let strange = [
        "tile/0/0",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000%2F000",
        "tile/0/000.p%2F1",
        "tile/entries/000",
        "tile/entries/000.p/1",
        "tile/0/x001/x234/x067/x000/000",
        "tile/0/000.p/1/1",
    ];
    for path in beyond.iter().map(ToString::to_string).chain(strange.map(str::to_owned)) {
        let reply = anybody.get(&format!("/v1/log/{path}")).await;
        // Nothing is kept of what may be there a second later.
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        reply.refused(404, "not_found");
    }
    // What was partial is full later, and its old width stays what it was.
    let path = TilePath { id: TileId { level: 0, number: 2 }, width: rest };
    let before = fetched(&anybody, &path).await;
    town.pay(1, None).await;
    town.write().await;
    assert_eq!(fetched(&anybody, &path).await, before);
    let wider = fetched(&anybody, &TilePath { width: rest + 1, ..path }).await;
    assert_eq!(wider[..usize::from(rest)], before[..]);
}
