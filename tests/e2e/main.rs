//! Tests of the built `topo` on a real Docker Engine: one file for each thing that users rely on. Each test is an
//! obligation. They run when `TOPO_E2E=1`, which `scripts/test.sh` sets; otherwise each says that it is skipped.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

mod alone;
mod attached;
mod building;
mod capture;
mod changes;
mod connections;
mod converging;
mod creating;
mod depends_on;
mod diagnose;
mod faults;
mod hearing;
mod hooks;
mod images;
mod inside;
mod interop;
mod killed;
mod lifecycle;
mod lint;
mod looking;
mod mistakes;
mod modes;
mod names;
mod networks;
mod newest;
mod one_off;
mod one_off_flags;
mod plugin;
mod programs;
mod quickstart;
mod reach;
mod removing;
mod repairs;
mod requests;
mod scripted;
mod settings;
mod signals;
mod updating;
mod watch;
