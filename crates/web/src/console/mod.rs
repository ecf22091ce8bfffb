//! `/console`: the bank as its operators see it, a room for each part of it.
//!
//! A page of the console is a list of typed parts ([`parts`]), so that all rooms look and behave alike; a room's file
//! asks the API and says what its answers mean. Which rooms and buttons an operator sees goes by the permissions that
//! the API tells of the role, and the API decides again about each request.
//!
//! The console is in English only: it speaks in the field's own words to people of one office. Its texts stand
//! where they are shown, the one exception to the catalogue of [`crate::words`].
//!
//! An act is a form under a fold, so that nothing is done by one stray click, and each has an idempotency key of its own.
//! After it the operator is led back to where it shows; a refusal is shown on the page of the form with
//! what was typed. What it never does: show what the API masks, other than in the answer to the form that asked for it.

mod access;
mod accounts;
mod approvals;
mod cash;
mod chart;
mod customers;
mod deed;
mod desk;
mod entrance;
mod events;
mod figures;
mod home;
mod keys;
mod members;
mod merchants;
mod names;
mod parts;
mod payments;
mod reconciliation;
mod rooms;
mod said;
mod system;
mod transfers;
mod webhooks;

pub use rooms::Room;

use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    let pages = entrance::pages(pages);
    let pages = access::pages(home::pages(pages));
    let pages = customers::pages(pages);
    let pages = accounts::pages(pages);
    let pages = cash::pages(pages);
    let pages = transfers::pages(pages);
    let pages = payments::pages(pages);
    let pages = reconciliation::pages(pages);
    let pages = approvals::pages(pages);
    let pages = merchants::pages(pages);
    let pages = keys::pages(pages);
    let pages = webhooks::pages(pages);
    let pages = events::pages(pages);
    let pages = figures::pages(pages);
    let pages = system::pages(pages);
    members::pages(pages)
}
