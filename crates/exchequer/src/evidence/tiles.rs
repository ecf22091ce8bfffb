//! `/v1/log/tile/…`: the hashes of the log as tiles (C2SP `tlog-tiles`), for whoever keeps a copy of them or makes proofs by
//! themselves. With `/v1/log/checkpoint` they are a log that other people's tools read; its prefix is `/v1/log`.
//!
//! A tile's address is one URL and its bytes never change, so all of it may be kept by anybody on the way, for ever. A
//! partial tile is served at every width that is signed for, also long after it was filled; a full one not before it
//! is. Cost: one row by its key. Bound: [`PATHS`], partial tiles below 10^12. Never here: entries. A bundle of leaves would be the
//! list of who paid whom how much, for anybody; a row's leaf is shown to whom the row is ([`super::receipt`]).

use ::store::{DbError, Tx};
use bytes::Bytes;
use merkle::TilePath;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::store as log;
use crate::http::input::{BodySchema, Description, Input, Raw};
use crate::http::reply::RawReply;
use crate::http::routes::Output;
use crate::http::{Answer, Code, Problem, Public, Reply, Route, Routes};

const WHY: &str = "a tile has hashes of leaves and nothing else, and whoever holds the bank to its log needs them";
const OCTETS: &str = "application/octet-stream";

/// A number above 999 is written in groups (`x001/067`), and a partial tile with its width (`067.p/8`): so many places
/// behind the level.
const PATHS: [(&str, &str); 5] = [
    ("/v1/log/tile/{level}/{a}", "getTile"),
    ("/v1/log/tile/{level}/{a}/{b}", "getTileOfTwo"),
    ("/v1/log/tile/{level}/{a}/{b}/{c}", "getTileOfThree"),
    ("/v1/log/tile/{level}/{a}/{b}/{c}/{d}", "getTileOfFour"),
    ("/v1/log/tile/{level}/{a}/{b}/{c}/{d}/{e}", "getTileOfFive"),
];

pub(super) fn routes(routes: Routes) -> Routes {
    PATHS.into_iter().fold(routes, |routes, (path, name)| {
        let summary = "Hashes of the log, up to 256 of one level";
        let route = Route::get(path, name, summary).or_files(&[OCTETS]).never_changes();
        routes.public(WHY, route, tile)
    })
}

/// Hashes of 32 bytes, one behind the other.
struct TileFile;

/// A tile's address. What is not written exactly as it is defined names nothing: 404.
struct Address(TilePath);

/// A file without a schema: bytes are described by their media type alone (OpenAPI 3.1).
impl Output for TileFile {
    fn describe() -> Option<BodySchema> {
        None
    }
}

impl Input for Address {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem> {
        // A slash that was written as %2F would be a second way to write an address.
        let is_plain = raw.segments.iter().all(|segment| !segment.contains('/'));
        let path = TilePath::parse(&raw.segments.join("/")).filter(|_| is_plain);
        path.map(Self).ok_or_else(|| Problem::new(Code::NotFound))
    }

    fn describe(description: &mut Description) {
        let level = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[0-7]$"))
            .description(Some("0 has the leaves"));
        description.segment = Some(level.into());
    }
}

async fn tile(caller: Public, Address(path): Address) -> Answer<TileFile> {
    let bytes = caller.read("log.tile", move |tx| Ok(bytes_in(tx, &path)?)).await?;
    let bytes = bytes.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Reply::raw(RawReply::new(200, OCTETS, bytes)))
}

/// What is in the database was signed for: tiles and their checkpoint are written in one transaction.
fn bytes_in(tx: &mut Tx<'_>, path: &TilePath) -> Result<Option<Bytes>, DbError> {
    let hashes = log::tile(tx, path.id)?;
    let wanted = hashes.get(..usize::from(path.width));
    Ok(wanted.map(|hashes| hashes.concat().into()))
}
