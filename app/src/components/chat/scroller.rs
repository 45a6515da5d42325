//! Holds the view of the messages still. Measures here, decides in [`crate::state::scroll`].

use crate::state::scroll::{View, correction, reveal};
use leptos::prelude::*;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::{Element, Event};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use web_sys::ResizeObserver;

/// Lines that never change places with others.
const STEADY: &str = "article, .log__event";

/// What the list has to know of its view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// The end of the list is in view, and the view has settled after opening.
    pub(super) at_end: RwSignal<bool>,
    /// The reader is far from the end.
    pub(super) far: RwSignal<bool>,
    /// Grows with each look that found little left above.
    pub(super) near_top: RwSignal<u32>,
}

impl Sight {
    pub(super) fn new() -> Self {
        Self { at_end: RwSignal::new(false), far: RwSignal::new(false), near_top: RwSignal::new(0) }
    }
}

/// The scrolling box, its content, and the line the reader looks at.
pub(super) struct Scroller {
    frame: Element,
    content: Element,
    sight: Sight,
    stuck: Cell<bool>,
    settled: Cell<bool>,
    line: RefCell<Option<Held>>,
    watch: RefCell<Option<Watch>>,
}

/// A line, and its place in the list: counted so that scrolling does not change it, and only what comes or goes below.
#[derive(Clone)]
struct Held {
    line: Element,
    place: f64,
}

struct Watch {
    observer: ResizeObserver,
    _resized: Closure<dyn FnMut()>,
    scrolled: Closure<dyn FnMut(Event)>,
}

impl Scroller {
    /// Begins to watch, until it is dropped.
    pub(super) fn begin(frame: Element, content: Element, sight: Sight) -> Rc<Self> {
        let scroller = Rc::new(Self {
            frame,
            content,
            sight,
            stuck: Cell::new(true),
            settled: Cell::new(false),
            line: RefCell::new(None),
            watch: RefCell::new(None),
        });
        let weak = Rc::downgrade(&scroller);
        let resized = Closure::<dyn FnMut()>::new(move || {
            if let Some(scroller) = weak.upgrade() {
                scroller.resized();
            }
        });
        let weak = Rc::downgrade(&scroller);
        let scrolled = Closure::<dyn FnMut(Event)>::new(move |_| {
            if let Some(scroller) = weak.upgrade() {
                scroller.scrolled();
            }
        });
        if let Ok(observer) = ResizeObserver::new(resized.as_ref().unchecked_ref()) {
            observer.observe(&scroller.frame);
            observer.observe(&scroller.content);
            let _refused = scroller.frame.add_event_listener_with_callback("scroll", scrolled.as_ref().unchecked_ref());
            *scroller.watch.borrow_mut() = Some(Watch { observer, _resized: resized, scrolled });
        }
        scroller
    }

    /// The first lines are there: brings the one that `selector` finds into view, if there is one.
    pub(super) fn settle(&self, selector: &str) {
        if !self.settled.replace(true)
            && let Ok(Some(line)) = self.content.query_selector(selector)
            && let Some(top) = reveal(self.view(), self.below_top(&line))
        {
            self.scroll_to(top);
        }
        self.look();
    }

    /// Goes to the end.
    pub(super) fn to_end(&self) {
        self.scroll_to(0.0);
        self.look();
    }

    fn view(&self) -> View {
        View {
            top: precise_top(&self.frame),
            height: f64::from(self.frame.client_height()),
            content: f64::from(self.frame.scroll_height()),
        }
    }

    fn scroll_to(&self, top: f64) {
        self.frame.set_scroll_top(top.round() as i32);
    }

    fn below_top(&self, line: &Element) -> f64 {
        line.get_bounding_client_rect().top() - self.frame.get_bounding_client_rect().top()
    }

    /// Where `line` stands in the list, in the coordinates of the scroll position.
    fn place(&self, line: &Element) -> f64 {
        self.below_top(line) + precise_top(&self.frame)
    }

    fn resized(&self) {
        self.hold(self.stuck.get());
        self.look();
    }

    /// The reader scrolled, or a correction did. Browsers report it before they report sizes: what came below since
    /// the last look is made up for here, or it would be taken for the reader's own way.
    fn scrolled(&self) {
        self.hold(false);
        self.look();
    }

    /// Puts the line the reader looked at back to its place on the screen, or the view to the end if it is `stuck`
    /// there.
    fn hold(&self, stuck: bool) {
        let held = self.line.borrow().clone().filter(|held| held.line.is_connected());
        let moved = held.map_or(0.0, |held| self.place(&held.line) - held.place);
        if let Some(top) = correction(self.view(), stuck, moved) {
            self.scroll_to(top);
        }
    }

    /// Takes in where the reader is.
    fn look(&self) {
        let view = self.view();
        self.stuck.set(view.at_end());
        *self.line.borrow_mut() = if view.at_end() { None } else { self.first_visible() };
        set(self.sight.at_end, view.at_end() && self.settled.get());
        set(self.sight.far, view.is_far());
        if view.near_top() && self.settled.get() {
            self.sight.near_top.try_update(|looks| *looks = looks.wrapping_add(1));
        }
    }

    /// The first line whose end is in view, and that stays between its neighbours: separators move up when older
    /// messages of the same day, or older new ones, come. Lines are in order, so it is found by halving.
    fn first_visible(&self) -> Option<Held> {
        let top = self.frame.get_bounding_client_rect().top();
        let lines = self.content.children();
        let (mut low, mut high) = (0, lines.length());
        while low < high {
            let middle = low + (high - low) / 2;
            match lines.item(middle)?.get_bounding_client_rect().bottom() <= top {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        let line =
            (low..lines.length()).filter_map(|at| lines.item(at)).find(|line| line.matches(STEADY) == Ok(true))?;
        let place = self.place(&line);
        Some(Held { line, place })
    }
}

impl Drop for Scroller {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.take() {
            watch.observer.disconnect();
            let listener = watch.scrolled.as_ref().unchecked_ref();
            let _refused = self.frame.remove_event_listener_with_callback("scroll", listener);
        }
    }
}

/// `scrollTop` with its fraction, which the typed binding cuts off.
fn precise_top(frame: &Element) -> f64 {
    let top = js_sys::Reflect::get(frame, &JsValue::from_str("scrollTop")).ok();
    top.and_then(|top| top.as_f64()).unwrap_or_else(|| f64::from(frame.scroll_top()))
}

fn set(signal: RwSignal<bool>, value: bool) {
    if signal.try_get_untracked().is_some_and(|known| known != value) {
        signal.set(value);
    }
}
