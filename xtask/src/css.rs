//! Makes one style sheet of `style/main.css` and the files it imports.
//!
//! It understands what this project writes, `@import "./file.css";` on a line of its own before any rule,
//! and refuses everything else with the place and the reason, rather than to ship a sheet that half works.
//! A file that is imported twice appears once, where it was first asked for. Paths in `url(…)` are left
//! alone: start them with `/`.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The text of `entry` with every import replaced by what it names.
///
/// # Errors
/// When a file is missing or an import is not of the plain kind; the message names file and line.
pub(crate) fn bundle(entry: &Path) -> Result<String> {
    let mut sheet = String::new();
    let mut seen = HashSet::new();
    let text =
        fs::read_to_string(entry).with_context(|| format!("could not read the style sheet {}", entry.display()))?;
    seen.insert(canonical(entry)?);
    inline(entry, &text, &mut seen, &mut sheet)?;
    Ok(sheet)
}

fn inline(file: &Path, text: &str, seen: &mut HashSet<PathBuf>, sheet: &mut String) -> Result<()> {
    let mut scan = Scan::default();
    for (index, line) in text.lines().enumerate() {
        let place = || format!("{}:{}", file.display(), index + 1);
        let in_comment = scan.in_comment;
        let is_import = !in_comment && line.trim_start().starts_with("@import");
        if !is_import {
            scan.pass(line);
            sheet.push_str(line);
            sheet.push('\n');
            continue;
        }
        if scan.rules_begun {
            bail!("{}: browsers ignore an @import after the first rule; move it to the top", place());
        }
        let name =
            import(line).with_context(|| format!("{}: only `@import \"./file.css\";` is understood here", place()))?;
        let path = file.parent().unwrap_or_else(|| Path::new("")).join(name);
        let imported =
            fs::read_to_string(&path).with_context(|| format!("{}: could not read {}", place(), path.display()))?;
        if seen.insert(canonical(&path)?) {
            inline(&path, &imported, seen, sheet)?;
        }
    }
    if scan.in_comment {
        bail!("{}: a comment is never closed", file.display());
    }
    Ok(())
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("could not read {}", path.display()))
}

/// The file an import line names; `None` when it says anything more than that.
fn import(line: &str) -> Option<&str> {
    let rest = line.trim().strip_prefix("@import")?.trim();
    let quoted = rest.strip_suffix(';')?.trim_end();
    let quote = quoted.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let name = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
    let plain = !name.is_empty() && !name.contains([quote, ':']) && !name.starts_with('/');
    plain.then_some(name)
}

/// Where in a sheet we are, as far as imports care.
#[derive(Default)]
struct Scan {
    in_comment: bool,
    rules_begun: bool,
}

impl Scan {
    fn pass(&mut self, line: &str) {
        let mut rest = line;
        loop {
            if self.in_comment {
                let Some(end) = rest.find("*/") else { return };
                self.in_comment = false;
                rest = &rest[end + 2..];
            }
            let (code, comment) = rest.split_at(rest.find("/*").unwrap_or(rest.len()));
            // `@layer a, b;` and `@charset` may stand before imports.
            let code = code.trim();
            let harmless =
                code.is_empty() || code.starts_with("@charset") || (code.starts_with("@layer") && code.ends_with(';'));
            self.rules_begun |= !harmless;
            if comment.is_empty() {
                return;
            }
            self.in_comment = true;
            rest = &comment[2..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(files: &[(&str, &str)]) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        bundle(&folder.path().join("main.css"))
    }

    #[test]
    fn imports_are_inlined_in_order_and_relative_to_their_file() {
        let text = sheet(&[
            ("main.css", "@import \"./tokens.css\";\n@import './components/a.css';\nbody {}\n"),
            ("tokens.css", ":root {}\n"),
            ("components/a.css", "@import \"./b.css\";\n.a {}\n"),
            ("components/b.css", ".b {}\n"),
        ]);
        assert_eq!(text.unwrap(), ":root {}\n.b {}\n.a {}\nbody {}\n");
    }

    #[test]
    fn a_file_appears_once_and_a_circle_ends() {
        let text = sheet(&[
            ("main.css", "@import \"./a.css\";\n@import \"./b.css\";\n@import \"./a.css\";\n"),
            ("a.css", "@import \"./b.css\";\n.a {}\n"),
            ("b.css", "@import \"./a.css\";\n@import \"./main.css\";\n.b {}\n"),
        ]);
        assert_eq!(text.unwrap(), ".b {}\n.a {}\n");
    }

    #[test]
    fn a_missing_file_is_named_with_the_line_that_asks_for_it() {
        let error = format!("{:#}", sheet(&[("main.css", "\n@import \"./gone.css\";\n")]).unwrap_err());
        assert!(error.contains("main.css:2") && error.contains("gone.css"), "{error}");
    }

    #[test]
    fn imports_in_comments_are_text() {
        let text = "/* one line */ /* see\n@import \"./gone.css\";\n*/\n.a {}\n";
        assert_eq!(sheet(&[("main.css", text)]).unwrap(), text);
    }

    #[test]
    fn imports_may_follow_comments_and_layer_names_but_no_rule() {
        let files = |start: &str| {
            vec![
                ("main.css".to_owned(), format!("{start}\n@import \"./a.css\";\n")),
                ("a.css".to_owned(), ".a {}\n".to_owned()),
            ]
        };
        let bundle = |start: &str| {
            let files = files(start);
            sheet(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
        };
        assert!(bundle("/* hello\n there */").is_ok());
        assert!(bundle("@layer base, components;").is_ok());
        assert!(bundle("body {}").unwrap_err().to_string().contains("main.css:2"));
        assert!(bundle("/* x */ body {}").is_err());
    }

    #[test]
    fn other_kinds_of_import_are_refused() {
        for line in [
            "@import url(a.css);",
            "@import \"a.css\" screen;",
            "@import \"https://a/b.css\";",
            "@import \"a.css\"",
            "@import \"\";",
        ] {
            let error = format!("{:#}", sheet(&[("main.css", line)]).unwrap_err());
            assert!(error.contains("main.css:1"), "{line}: {error}");
        }
    }
}
