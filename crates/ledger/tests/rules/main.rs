//! The ledger's rules, through its public face.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod chains;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod invariants;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod precedence;
#[cfg(test)]
#[path = "../reference/mod.rs"]
mod reference;
#[cfg(test)]
mod regressions;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod world;
