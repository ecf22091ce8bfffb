//! The bank over HTTP, in the process, on the database of this run. Files mirror the routes.

mod accounts;
mod authorisation;
mod batch;
mod conservation;
mod customers;
mod faults;
mod holds;
mod hostile;
mod jobs;
mod json;
mod once;
mod outage;
mod restarts;
mod rows;
mod secrets;
mod sessions;
mod staff;
mod transfers;
