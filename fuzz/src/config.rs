//! The configuration file.

use trunkline_server::config::{Config, Options};

/// A file's text: settings, or a sentence that says which one is none.
pub fn file(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let options = match Options::parse(text) {
        Ok(options) => options,
        Err(error) => return assert!(!error.message().is_empty()),
    };
    match Config::try_from(options) {
        Ok(config) => {
            // What is shown of an address has no login in it, and is the address of the same server.
            let shown = config.bus.to_string();
            assert!(shown.starts_with("redis+unix:") || !shown.contains('@'), "{shown}");
            assert!(config.drain.as_secs() <= 6 && config.sends_per_second > 0);
        }
        Err(error) => {
            let sentence = error.to_string();
            let (setting, problem) = sentence.split_once(": ").expect("which setting, and what about it");
            assert!(!setting.contains(' ') && !problem.is_empty(), "{sentence}");
        }
    }
}
