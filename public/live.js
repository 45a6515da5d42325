// Keeps a page up to date: asks for it again every few seconds, as the server would write it now, and takes over the
// elements that bear data-live, by their ids. The server escapes what people wrote; what DOMParser makes of it runs no
// scripts, and the page's Content-Security-Policy would not let them run either. A part that holds the focus or a
// selection is left alone. Times are written for the reader's zone.

const bar = document.querySelector("[data-live-every]");
const state = bar?.querySelector("[data-live-state]");
const toggle = bar?.querySelector("[data-live-toggle]");
const every = Number(bar?.dataset.liveEvery ?? 0) * 1000;
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const kinds = {
  minute: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
  exact: new Intl.DateTimeFormat(undefined, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
  }),
};

let paused = false;
let known = clock.format(new Date());

function localise(root) {
  for (const time of root.querySelectorAll("time[data-time]")) {
    const kind = kinds[time.dataset.time];
    if (kind !== undefined) time.textContent = kind.format(new Date(time.dateTime));
  }
}

function say(text) {
  if (state !== null && state !== undefined && state.textContent !== text) state.textContent = text;
}

function isHeld(part) {
  const selection = document.getSelection();
  return part.contains(document.activeElement)
    || (selection !== null && !selection.isCollapsed && selection.containsNode(part, true));
}

async function refresh() {
  const answer = await fetch(location.href, { signal: AbortSignal.timeout(10_000) });
  if (answer.redirected || answer.status === 403 || answer.status === 404) {
    // Logged out, or no longer for this reader: let them see what there is instead.
    location.reload();
    return;
  }
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  localise(fresh);
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next === null || isHeld(part) || part.isEqualNode(next)) continue;
    part.replaceChildren(...next.childNodes);
  }
  known = clock.format(new Date());
}

async function turn() {
  if (!paused && document.visibilityState === "visible") {
    try {
      await refresh();
      say("This page keeps itself up to date.");
    } catch {
      say(`The server does not answer. As of ${known}.`);
    }
  }
  setTimeout(turn, every);
}

localise(document);
if (every > 0) {
  say("This page keeps itself up to date.");
  if (toggle !== null) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      paused = !paused;
      toggle.textContent = paused ? "Go on" : "Pause";
      if (paused) say(`Paused. As of ${known}.`);
      else say("This page keeps itself up to date.");
    });
  }
  setTimeout(turn, every);
}
