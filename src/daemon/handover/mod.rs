//! Restart.
mod parcel;
mod rights;
