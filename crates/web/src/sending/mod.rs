//! Sending money: what is typed is understood, shown once more, and sent once.
//!
//! The form's key is made with the form and goes with it through review and second factor, so that whatever is
//! pressed twice, loaded again or gone back to has one effect; with other values under a used key nothing is sent.
//! The API judges; a page only tells where its refusal belongs.

mod order;
mod page;
mod review;
mod send;

use http::Method;

use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
        .customer(Method::GET, "/send", page::show)
        .customer(Method::POST, "/send", send::submit)
        .customer(Method::POST, "/send/review", review::submit)
        .customer(Method::POST, "/send/edit", page::edit)
}
