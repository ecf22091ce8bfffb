//! An independent implementation agrees: roots, and each accepts the other's proofs.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use merkle::{
    Hash, check_consistency, check_inclusion, consistency_proof, inclusion_proof, root_of,
};
use proptest::prelude::*;
use sha2::Sha256;

use crate::Log;

fn tree(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|n| tree.push(n.to_be_bytes().to_vec()));
    tree
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks().0.to_vec()
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn roots_and_proofs_are_those_of_another_implementation(size in 2_u64..1_500, seed: u64) {
        let (index, old) = (seed % size, 1 + seed % (size - 1));
        let (log, other) = (Log::of_size(size), tree(size));
        let root = log.edge.root();
        let found = other.root();
        prop_assert_eq!(&root[..], &found.as_bytes()[..]);
        let theirs = RootHash::<Sha256>::new(root.into(), size);

        let ours = inclusion_proof(index, size, log.read()).unwrap();
        let proof = InclusionProof::<Sha256>::try_from_bytes(ours.concat()).unwrap();
        prop_assert!(theirs.verify_inclusion(&index.to_be_bytes().to_vec(), index, &proof).is_ok());
        let made = hashes(other.prove_inclusion(place(index)).as_bytes());
        let leaf = &log.leaves[place(index)];
        prop_assert_eq!(check_inclusion(leaf, (index, size), &made, &root), Ok(()));

        let was = root_of(old, log.read()).unwrap();
        let ours = consistency_proof(old, size, log.read()).unwrap();
        let proof = ConsistencyProof::<Sha256>::try_from_bytes(ours.concat()).unwrap();
        let old_theirs = RootHash::<Sha256>::new(was.into(), old);
        prop_assert!(theirs.verify_consistency(&old_theirs, &proof).is_ok());
        let made = hashes(other.prove_consistency(place(size - old)).as_bytes());
        prop_assert_eq!(check_consistency((old, size), (&was, &root), &made), Ok(()));
    }
}
