// Writes the times and days of a part of a conversation for the reader's zone; the server does not know it and writes UTC.
// Says them as the chat does: the day over its first message, and hours from 0 to 23.

const log = document.querySelector(".passage__log");
const words = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long", year: "numeric" });

function fullDay(date) {
  const part = Object.fromEntries(words.formatToParts(date).map(({ type, value }) => [type, value]));
  return `${part.weekday}, ${part.day} ${part.month} ${part.year}`;
}

function timeOfDay(date) {
  return [date.getHours(), date.getMinutes()].map((number) => String(number).padStart(2, "0")).join(":");
}

function writeTime(message, date) {
  const time = message.querySelector("time");
  if (time === null) return;
  const [before, now] = [time.textContent, timeOfDay(date)];
  time.textContent = now;
  // The label is the name and the time.
  const label = message.getAttribute("aria-label");
  if (label?.endsWith(before)) message.setAttribute("aria-label", label.slice(0, -before.length) + now);
}

/** A message at which a day begins is the first of its group, as the one before it is the last of its own. */
function part(before, line) {
  if (before?.matches("article")) before.dataset.last = "";
  if (!line.matches("article")) return;
  line.dataset.first = "";
  line.querySelector(".message__author")?.removeAttribute("hidden");
}

function localise() {
  for (const day of log.querySelectorAll(".log__day")) day.remove();
  let [day, before] = [-Infinity, null];
  for (const line of log.querySelectorAll("[data-at]")) {
    const date = new Date(line.dataset.at);
    const its = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
    // Two nodes' clocks may differ a little at midnight; days never go back within a log.
    if (its > day) {
      const heading = document.createElement("h3");
      heading.className = "log__day";
      heading.textContent = fullDay(date);
      line.before(heading);
      part(before, line);
      day = its;
    }
    writeTime(line, date);
    before = line;
  }
}

if (log !== null) localise();
