//! The built `boop`, run as people and scripts run it.

mod cases;
mod ledger;
mod manifest;
mod manifest_add;
mod manifest_approve;
mod manifest_desk;
mod manifest_guide;
mod measure;
mod palm;
mod receipt;
mod run;
mod serve;
mod verify;
mod verify_bundles;
mod verify_forms;
mod verify_outputs;
mod verify_text;
mod world;
