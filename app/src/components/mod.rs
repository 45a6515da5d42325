//! What pages are made of, one component a file.

pub mod brand;
pub mod copy_button;
pub mod field;
pub mod form;
pub mod moment;
pub mod page;
