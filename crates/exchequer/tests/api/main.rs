//! The bank over HTTP, in the process, on the database of this run. Files mirror the routes.

mod authorisation;
mod batch;
mod conservation;
mod faults;
mod hostile;
mod json;
mod once;
mod outage;
mod transfers;
