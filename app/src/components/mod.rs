//! What pages are made of, one component a file.

pub mod avatar;
pub mod brand;
pub mod chat;
pub mod copy_button;
pub mod dialog;
pub mod field;
pub mod form;
pub mod icon;
#[cfg(feature = "ssr")]
pub mod live;
pub mod menu;
pub mod moment;
pub mod page;
