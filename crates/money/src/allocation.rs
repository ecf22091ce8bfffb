//! Shares of a whole in proportion to weights, by largest remainder (Hamilton's method).
//!
//! Order: every share is first rounded down; the units left over, fewer than there are shares,
//! go one each to the largest remainders, the earlier first where two are equal. So no unit is
//! lost or made, each share is less than one unit from its exact proportion, and a weight of
//! zero gets nothing. Cost: n log n. It never looks at a sign: the caller splits a magnitude.

/// One share per weight, in the order of the weights; `None` where all weights are zero.
pub(crate) fn shares(whole: u64, weights: &[u64]) -> Option<Vec<u64>> {
    let total: u128 = weights
        .iter()
        .try_fold(0_u128, |sum, weight| sum.checked_add(u128::from(*weight)))
        .filter(|total| *total > 0)?;

    let mut left = whole;
    let mut parts = Vec::with_capacity(weights.len());
    for (place, weight) in weights.iter().enumerate() {
        // 64 by 64 bits: the product always fits 128.
        let product = u128::from(whole).checked_mul(u128::from(*weight))?;
        let share = u64::try_from(product.checked_div(total)?).ok()?;
        left = left.checked_sub(share)?;
        parts.push(Part { place, share, remainder: product.checked_rem(total)? });
    }

    parts.sort_unstable_by(|a, b| b.remainder.cmp(&a.remainder).then(a.place.cmp(&b.place)));
    for part in &mut parts {
        if left == 0 {
            break;
        }
        part.share = part.share.checked_add(1)?;
        left = left.checked_sub(1)?;
    }

    parts.sort_unstable_by_key(|part| part.place);
    Some(parts.into_iter().map(|part| part.share).collect())
}

struct Part {
    place: usize,
    share: u64,
    remainder: u128,
}
