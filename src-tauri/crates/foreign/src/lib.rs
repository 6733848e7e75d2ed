//! What comes from outside is data: read with limits, shown inert, never trusted.
//!
//! Files, answers and streams pass through here before anything is made of them, so that none can use up the memory
//! of this computer, and none of their texts can act on a terminal or look like a verdict of ours.

pub mod file;
pub mod json;
pub mod text;
