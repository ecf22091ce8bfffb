//! Appending and tiles.

use merkle::{
    Edge, EdgeError, TileId, TilePath, check_consistency, check_inclusion, consistency_proof,
    inclusion_proof, root_of,
};
use proptest::prelude::*;

use crate::{Log, plain_root};

#[test]
fn every_root_up_to_600_is_that_of_the_definition_and_found_from_tiles() {
    let mut log = Log::default();
    assert_eq!(log.edge.root(), plain_root(&[]));
    for size in 1..=600 {
        log.grow(size);
        let root = plain_root(&log.leaves);
        assert_eq!(log.edge.root(), root, "{size}");
        assert_eq!(root_of(size, log.read()), Ok(root), "{size}");
    }
}

#[test]
fn all_proofs_of_small_logs_hold_and_show_nothing_else() {
    let log = Log::of_size(70);
    for size in 1..=70_u64 {
        let root = plain_root(&log.leaves[..usize::try_from(size).unwrap()]);
        for index in 0..size {
            let leaf = &log.leaves[usize::try_from(index).unwrap()];
            let proof = inclusion_proof(index, size, log.read()).unwrap();
            assert_eq!(check_inclusion(leaf, (index, size), &proof, &root), Ok(()));
            assert!(check_inclusion(leaf, (index ^ 1, size), &proof, &root).is_err() || size == 1);
        }
        for old in 1..=size {
            let was = plain_root(&log.leaves[..usize::try_from(old).unwrap()]);
            let proof = consistency_proof(old, size, log.read()).unwrap();
            assert_eq!(
                check_consistency((old, size), (&was, &root), &proof),
                Ok(()),
                "{old} {size}"
            );
            let mut other = was;
            other[7] ^= 1;
            assert!(check_consistency((old, size), (&other, &root), &proof).is_err());
        }
    }
    assert!(inclusion_proof(70, 70, log.read()).is_err());
    assert!(consistency_proof(71, 70, log.read()).is_err());
}

#[test]
fn a_log_grows_the_same_in_any_steps_and_is_taken_up_again_from_its_tiles() {
    let whole = Log::of_size(66_000);
    let mut steps = Log::default();
    for size in [1, 255, 256, 257, 511, 513, 1_024, 65_535, 65_536, 65_537, 66_000] {
        steps.grow(size);
        let taken = Edge::of_tiles(size, steps.read()).unwrap();
        assert_eq!(taken, steps.edge, "{size}");
        // Tiles of a later state do as well.
        assert_eq!(Edge::of_tiles(size, whole.read()).unwrap().root(), steps.edge.root());
    }
    assert_eq!(steps.tiles, whole.tiles);
    assert_eq!(whole.tiles[&TileId { level: 1, number: 0 }].len(), 256);
    assert_eq!(whole.tiles[&TileId { level: 2, number: 0 }].len(), 1);
    for (index, old) in
        [(0, 1), (65_535, 65_536), (65_536, 65_537), (40_000, 300), (65_999, 66_000)]
    {
        let leaf = &whole.leaves[usize::try_from(index).unwrap()];
        let proof = inclusion_proof(index, 66_000, whole.read()).unwrap();
        let root = whole.edge.root();
        assert_eq!(check_inclusion(leaf, (index, 66_000), &proof, &root), Ok(()));
        let was = root_of(old, whole.read()).unwrap();
        let proof = consistency_proof(old, 66_000, whole.read()).unwrap();
        assert_eq!(check_consistency((old, 66_000), (&was, &root), &proof), Ok(()));
    }
}

#[test]
fn tiles_that_are_not_there_are_told() {
    let nothing = |_| Ok::<_, std::convert::Infallible>(Vec::new());
    let id = TileId { level: 0, number: 1 };
    assert_eq!(Edge::of_tiles(300, nothing), Err(EdgeError::Width { id, wanted: 44, found: 0 }));
    assert!(inclusion_proof(3, 300, nothing).is_err());
    assert!(root_of(1, nothing).is_err());
}

#[test]
fn paths_are_those_of_the_specification() {
    let path = |level, number, width| TilePath { id: TileId { level, number }, width }.to_string();
    assert_eq!(path(0, 0, 256), "tile/0/000");
    assert_eq!(path(0, 1_234_067, 256), "tile/0/x001/x234/067");
    assert_eq!(path(1, 999, 3), "tile/1/999.p/3");
    assert_eq!(path(3, 1_000, 255), "tile/3/x001/000.p/255");
}

#[test]
fn a_path_is_written_in_one_way_only() {
    for text in [
        "",
        "0",
        "0/",
        "0/0",
        "0/00",
        "0/0000",
        "00/000",
        "64/000",
        "-1/000",
        "0/x000/000",
        "0/001/000",
        "0/x001",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/000.p/",
        "0/000.p/1/",
        "0/+00",
        "x/000",
        "0/x999/x999/x999/x999/x999/x999/999",
        "entries/000",
        "0/000.p/1.p/1",
    ] {
        assert_eq!(TilePath::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn paths_go_both_ways(level in 0_u8..=63, number: u64, width in 1_u16..=256) {
        let path = TilePath { id: TileId { level, number }, width };
        let text = path.to_string();
        prop_assert_eq!(TilePath::parse(text.strip_prefix("tile/").unwrap()), Some(path));
    }

    #[test]
    fn any_text_is_no_panic(text in "[0-9x./p]{0,24}") {
        if let Some(path) = TilePath::parse(&text) {
            prop_assert_eq!(path.to_string(), format!("tile/{text}"));
        }
    }

    #[test]
    fn no_proof_survives_a_change(size in 2_u64..700, seed: u64, flip in 0_usize..256) {
        let log = Log::of_size(size);
        let (index, old) = (seed % size, 1 + seed % (size - 1));
        let root = log.edge.root();
        let leaf = log.leaves[usize::try_from(index).unwrap()];
        let mut proof = inclusion_proof(index, size, log.read()).unwrap();
        let at = flip % proof.len();
        proof[at][flip / 8] ^= 1 << (flip % 8);
        prop_assert!(check_inclusion(&leaf, (index, size), &proof, &root).is_err());
        let was = root_of(old, log.read()).unwrap();
        let mut proof = consistency_proof(old, size, log.read()).unwrap();
        let at = flip % proof.len();
        proof[at][flip / 8] ^= 1 << (flip % 8);
        prop_assert!(check_consistency((old, size), (&was, &root), &proof).is_err());
    }
}
