//! The public JSON of the gateway.
