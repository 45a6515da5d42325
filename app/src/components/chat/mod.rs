//! The parts of the chat page, one component a file.
//!
//! - [`island`]: all of them together, alive
//! - [`connection_banner`], [`account_menu`], [`announcer`]: around everything
//! - [`conversation_list`] of [`conversation_row`]s: the left pane
//! - [`conversation_pane`]: the right pane, with [`conversation_header`], [`message_log`] and [`composer`]
//! - [`message`], [`message_text`], [`receipt`]: one message
//! - [`new_conversation`], [`conversation_details`], [`switcher`]: dialogs; [`people_picker`] finds people for them
//!
//! Each component hands its view out with its type erased: the types of views nested as deep as here are refused by
//! the compiler where they are put together, and erased ones also make a smaller bundle.

pub mod account_menu;
pub mod announcer;
pub mod composer;
pub mod connection_banner;
pub mod conversation_details;
pub mod conversation_header;
pub mod conversation_list;
pub mod conversation_pane;
pub mod conversation_row;
pub mod island;
pub mod member_row;
pub mod message;
pub mod message_log;
pub mod message_text;
pub mod new_conversation;
pub mod people_picker;
pub mod receipt;
mod scroller;
pub mod switcher;
