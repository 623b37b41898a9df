//! LLM wire formats
pub mod format;
pub mod scan;
