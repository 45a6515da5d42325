//! The window's title.

/// "(3) Name – Trunkline": the unread count and the open conversation, each only if there is one.
#[must_use]
pub fn title(unread: u64, open: Option<&str>) -> String {
    let count = match unread {
        0 => String::new(),
        1..=99 => format!("({unread}) "),
        _ => "(99+) ".into(),
    };
    match open {
        Some(name) => format!("{count}{name} – Trunkline"),
        None => format!("{count}Trunkline"),
    }
}

/// An unread count in a badge's space.
#[must_use]
pub fn badge(unread: u64) -> String {
    if unread > 99 { "99+".into() } else { unread.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_counts_and_names() {
        assert_eq!(title(0, None), "Trunkline");
        assert_eq!(title(3, Some("Ann")), "(3) Ann – Trunkline");
        assert_eq!(title(120, None), "(99+) Trunkline");
    }
}
