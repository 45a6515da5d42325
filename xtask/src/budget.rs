//! How large the browser's bundle may be.

use anyhow::{Result, bail};

/// What the WASM may weigh, in bytes, after `wasm-opt` and brotli.
pub(crate) const LIMIT: usize = 300 * 1024;

/// Bytes in KiB, with one digit after the point.
pub(crate) fn kib(bytes: usize) -> String {
    let tenths = (bytes * 10).div_ceil(1024);
    format!("{}.{} KiB", tenths / 10, tenths % 10)
}

/// Bytes in MiB, with one digit after the point.
pub(crate) fn mib(bytes: u64) -> String {
    let tenths = (bytes * 10).div_ceil(1024 * 1024);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

/// Says how large the compressed WASM is, and whether it may be.
///
/// A bundle that no `wasm-opt` went over is larger than what will ship, so it is measured and not judged.
///
/// # Errors
/// When an optimised bundle is above [`LIMIT`].
pub(crate) fn judge(compressed: usize, optimised: bool) -> Result<String> {
    let size = kib(compressed);
    let limit = kib(LIMIT);
    match (compressed > LIMIT, optimised) {
        (true, true) => bail!(
            "the WASM is {size} after wasm-opt and brotli, and may be at most {limit}: people on slow \
             networks wait for it. Find what made it grow, with `twiggy top` or by leaving out the last \
             dependency, before you raise the limit"
        ),
        (_, true) => Ok(format!("WASM after wasm-opt and brotli: {size} of at most {limit}.")),
        (_, false) => {
            Ok(format!("WASM after brotli, without wasm-opt: {size} (the limit of {limit} is for optimised WASM)."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_at_the_limit_passes_and_one_byte_more_does_not() {
        assert!(judge(LIMIT, true).is_ok());
        let refusal = judge(LIMIT + 1, true).unwrap_err().to_string();
        assert!(refusal.contains("300.1 KiB"), "{refusal}");
    }

    #[test]
    fn without_wasm_opt_the_size_is_only_told() {
        assert!(judge(LIMIT * 2, false).unwrap().contains("600.0 KiB"));
    }
}
