//! What stands in the files of a bank, at rest and while it serves: markers written through the API, searched for in
//! every file and in every writing.

mod banks;
mod encrypted;
mod markers;
mod search;
mod shares;
