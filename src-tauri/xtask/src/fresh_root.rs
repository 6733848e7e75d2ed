//! In the making.
use crate::steps::Failure;
pub const INSIDE: &str = "fresh-root-inside";
pub fn fresh_root(_arguments: &[String]) -> Result<(), Failure> {
    Err(Failure::new(2, "not yet written"))
}
pub fn inside(_arguments: &[String]) -> Result<(), Failure> {
    Err(Failure::new(2, "not yet written"))
}
