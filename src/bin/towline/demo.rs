//! placeholder
mod plain;
use crate::args;
use crate::failure::Failure;
pub(crate) fn run(_arguments: &args::Demo) -> Result<(), Failure> {
    Ok(())
}
