//! A moment in time, readable.

use leptos::prelude::*;
use time::OffsetDateTime;
use trunkline_protocol::Millis;

/// A moment: in UTC as the server writes it, and in the reader's zone and language once scripts run.
#[component]
pub fn Moment(
    /// When.
    at: Millis,
) -> impl IntoView {
    let stamp = Stamp::of(at);
    view! { <time datetime=stamp.machine()><InZone at utc=stamp.readable()/></time> }
}

#[island]
fn InZone(at: Millis, utc: String) -> impl IntoView {
    let text = RwSignal::new(utc);
    Effect::new(move |_| {
        if let Some(local) = local(at) {
            text.set(local);
        }
    });
    text
}

#[cfg(feature = "ssr")]
const fn local(_: Millis) -> Option<String> {
    None
}

#[cfg(not(feature = "ssr"))]
fn local(at: Millis) -> Option<String> {
    use wasm_bindgen::JsValue;

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any year people live in are exact in an f64")]
    let date = js_sys::Date::new(&JsValue::from_f64(at as f64));
    let options = js_sys::Object::new();
    for (key, value) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        js_sys::Reflect::set(&options, &key.into(), &value.into()).ok()?;
    }
    let locale = window().navigator().language().unwrap_or_else(|| "en".to_owned());
    date.to_locale_string(&locale, &options).as_string()
}

/// A moment taken apart, in UTC.
pub(crate) struct Stamp(OffsetDateTime);

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Stamp {
    /// A moment that no calendar holds becomes 1970.
    pub(crate) fn of(at: Millis) -> Self {
        Self(OffsetDateTime::from_unix_timestamp(at.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }

    /// For people.
    pub(crate) fn readable(&self) -> String {
        let month = MONTHS[usize::from(u8::from(self.0.month()) - 1)];
        format!("{} {month} {}, {:02}:{:02} UTC", self.0.day(), self.0.year(), self.0.hour(), self.0.minute())
    }

    fn machine(&self) -> String {
        let (month, day) = (u8::from(self.0.month()), self.0.day());
        format!("{:04}-{month:02}-{day:02}T{:02}:{:02}Z", self.0.year(), self.0.hour(), self.0.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_readable_in_utc() {
        let stamp = Stamp::of(1_795_442_716_123);
        assert_eq!(stamp.readable(), "23 Nov 2026, 14:05 UTC");
        assert_eq!(stamp.machine(), "2026-11-23T14:05Z");
    }

    #[test]
    fn moments_before_1970_and_beyond_calendars_do_no_harm() {
        assert_eq!(Stamp::of(-1).readable(), "31 Dec 1969, 23:59 UTC");
        assert_eq!(Stamp::of(Millis::MAX).readable(), "1 Jan 1970, 00:00 UTC");
    }
}
