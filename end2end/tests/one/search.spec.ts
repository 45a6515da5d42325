//! Searching messages, and the way from what was found to where it was said.

import type { Locator, Page } from "@playwright/test";
import { addMember, group, sendMessage } from "../../fixtures/api";
import { flaws } from "../../fixtures/axe";
import type { Person } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";

/** What was found on the search page. */
function hits(page: Page): Locator {
  return page.getByRole("main").getByRole("listitem");
}

/** Says `line 1`, `line 2` … in a conversation, in turns, so that nobody is too fast; other words where `said` has some. */
async function talk(by: Person[], conversation: number, to: number, said: Record<number, string> = {}): Promise<void> {
  for (let n = 1; n <= to; n++) {
    const writer = by[n % by.length];
    if (writer !== undefined) await sendMessage(writer, { conversation }, said[n] ?? `line ${n}`);
  }
}

/** Where a message's bubble is. */
function bubble(message: Locator): ReturnType<Locator["boundingBox"]> {
  return message.locator(".message__bubble").boundingBox();
}

/** A moment's day and time as they are written for people in `zone`. */
function local(at: string, zone: string): { day: string; clock: string } {
  const parts = new Intl.DateTimeFormat("en", {
    timeZone: zone, weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).formatToParts(new Date(at));
  const of = (kind: string): string => parts.find(({ type }) => type === kind)?.value ?? "";
  return {
    day: `${of("weekday")}, ${of("day")} ${of("month")} ${of("year")}`,
    clock: `${of("hour")}:${of("minute")}`,
  };
}

/** Searches from the chat's list, as people do. */
async function searchFor(page: Page, query: string): Promise<void> {
  const field = page.getByRole("searchbox", { name: "Search conversations" });
  await field.fill(query);
  await field.press("Enter");
  await expect(page.getByRole("heading", { name: "Search", level: 1 })).toBeVisible();
}

test("own messages and those of others are found, and nobody else's", async ({ newUser }) => {
  const [ann, bo, cy] = [await newUser("Ann"), await newUser("Bo"), await newUser("Cy")];
  await sendMessage(ann, { to: bo.name }, "The harbour at night");
  await sendMessage(bo, { to: ann.name }, "No harbour, no boats");
  await sendMessage(cy, { to: bo.name }, "The harbour is a secret");
  await ann.chat.open();
  await searchFor(ann.page, "HARBOUR");
  await expect(ann.page.getByRole("status")).toHaveText("2 messages");
  await expect(hits(ann.page)).toHaveText([/No harbour, no boats/, /The harbour at night/]);
  await expect(hits(ann.page).first().locator("mark")).toHaveText(["harbour"]);
  await expect(hits(ann.page).first().getByRole("link", { name: bo.displayName })).toBeVisible();
  await expect(hits(ann.page).last().getByText(ann.displayName)).toBeVisible();
  await ann.page.goto("/search?q=secret");
  await expect(ann.page.getByRole("status")).toHaveText("No message contains “secret”.");
});

test("what was said before one joined is not found", async ({ newUser }) => {
  const [ann, bo, cy] = [await newUser("Ann"), await newUser("Bo"), await newUser("Cy")];
  const id = await group(ann, "Pier", [bo]);
  await sendMessage(ann, { conversation: id }, "a lighthouse before");
  await addMember(ann, id, cy);
  await sendMessage(ann, { conversation: id }, "a lighthouse after");
  await cy.page.goto("/search?q=lighthouse");
  await expect(hits(cy.page)).toHaveText([/a lighthouse after/]);
  await bo.page.goto("/search?q=lighthouse");
  await expect(hits(bo.page)).toHaveCount(2);
});

test("Chinese, Japanese and Korean are found in the middle of a sentence", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  for (const text of ["我在北京工作", "昨日はラーメンを食べた", "안녕하세요 여러분"]) {
    await sendMessage(ann, { to: bo.name }, text);
  }
  for (const [query, text] of [["北京", "我在北京工作"], ["ﾗｰﾒﾝ", "昨日はラーメンを食べた"], ["하세", "안녕하세요 여러분"]]) {
    await bo.page.goto(`/search?q=${encodeURIComponent(query ?? "")}`);
    await expect(hits(bo.page)).toHaveCount(1);
    await expect(hits(bo.page).locator(".search__text")).toHaveText(text ?? "");
  }
  await expect(hits(bo.page).locator("mark")).toHaveText("하세");
});

test("many are found in pages", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  for (let n = 0; n < 23; n++) await sendMessage(ann, { to: bo.name }, `buoy ${n}`);
  await bo.page.goto("/search?q=buoy");
  await expect(bo.page.getByRole("status")).toHaveText("The latest 20 messages");
  await expect(hits(bo.page).first()).toContainText("buoy 22");
  await bo.page.getByRole("link", { name: "Older results" }).click();
  await expect(hits(bo.page)).toHaveText([/buoy 2$/, /buoy 1$/, /buoy 0$/]);
  await bo.page.getByRole("link", { name: "Latest results" }).click();
  await expect(hits(bo.page)).toHaveCount(20);
});

test("a message far back is shown where it was said, and the latest are a step away", async ({ newUser }) => {
  test.slow();
  const [ann, bo, ...others] = await Promise.all(["Ann", "Bo", "Cy", "Di", "Ed", "Fay"].map((name) => newUser(name)));
  if (ann === undefined || bo === undefined) throw new Error("two of them are needed");
  const id = await group(ann, "Crew", [bo, ...others]);
  await talk([ann, ...others], id, 500, { 3: "an anchor is dropped" });
  const { chat, page } = bo;
  await page.goto("/search?q=anchor");
  await hits(page).getByRole("link").click();
  await chat.live();
  await expect(page).toHaveURL(new RegExp(`/c/${id}\\?at=5#at$`));
  await expect(chat.message("an anchor is dropped")).toBeInViewport();
  await expect(chat.message("an anchor is dropped")).toHaveId("at");
  await expect(chat.message("line 500")).not.toBeInViewport();

  await sendMessage(ann, { conversation: id }, "just now");
  await expect(chat.message("just now"), "what comes is there").toHaveCount(1);
  await expect(chat.message("an anchor is dropped"), "and moves nothing").toBeInViewport();
  expect(chat.sent.filter((frame) => frame.type === "cursor" && Number(frame["read"]) > 5), "nothing was read").toEqual([]);

  await page.getByRole("button", { name: "Jump to latest" }).click();
  await expect(chat.message("just now")).toBeInViewport();
  await chat.send("seen");
  await chat.receipt("seen", "Sent");
});

test("the ring around the message one came for is not covered by its neighbours", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const said = ["before it", "a far jump", "after it"];
  let id = 0;
  for (const text of said) id = await sendMessage(ann, { to: bo.name }, text);
  const { chat, page } = bo;
  await page.goto("/search?q=jump");
  await hits(page).getByRole("link").click();
  await chat.live();
  await expect(page).toHaveURL(new RegExp(`/c/${id}\\?at=2#at$`));
  const boxes = await Promise.all(said.map((text) => bubble(chat.message(text))));
  const gaps = boxes.slice(1).map((box, n) => (box?.y ?? 0) - ((boxes[n]?.y ?? 0) + (boxes[n]?.height ?? 0)));
  for (const gap of gaps) expect(gap, "the ring of 4 pixels has room").toBeGreaterThan(4);
});

test("a message very far back has a page with ways to both sides", async ({ newUser }) => {
  test.slow();
  // Never UTC's hour and minute, and mostly another day.
  const zone = "Pacific/Chatham";
  const [ann, bo, ...others] = await Promise.all(
    ["Ann", "Bo", "Cy", "Di", "Ed", "Fay"].map((name) => newUser(name, name === "Bo" ? { timezoneId: zone } : {})),
  );
  if (ann === undefined || bo === undefined) throw new Error("two of them are needed");
  const id = await group(ann, "Fleet", [bo, ...others]);
  await talk([ann, ...others], id, 680, { 40: "a compass is lost" });
  const { chat, page } = bo;
  await page.goto("/search?q=compass");
  await hits(page).getByRole("link").click();
  await expect(page.getByRole("article").filter({ hasText: "a compass is lost" })).toBeInViewport();
  await expect(page.getByText("line 20", { exact: true })).toHaveCount(1);
  expect(await flaws(page)).toEqual([]);

  const there = page.getByRole("article").filter({ hasText: "a compass is lost" });
  const at = (await there.getByRole("time").getAttribute("datetime")) ?? "";
  const { day, clock } = local(at, zone);
  expect(clock, "the reader's clock shows another time").not.toBe(at.slice(11, 16));
  await expect(there.getByRole("time")).toHaveText(clock);
  await expect(there).toHaveAccessibleName(new RegExp(`, ${clock}$`));
  await expect(page.getByRole("heading", { level: 3 }).first()).toHaveText(day);
  await page.getByRole("link", { name: "Earlier messages" }).click();
  await expect(page.getByText("line 1", { exact: true })).toHaveCount(1);
  await expect(page.getByRole("link", { name: "Earlier messages" })).toHaveCount(0);
  await page.getByRole("link", { name: "Later messages" }).click();
  await expect(page.getByText("a compass is lost")).toHaveCount(1);
  await page.getByRole("link", { name: "Jump to latest" }).click();
  await chat.live();
  await expect(chat.message("line 680")).toHaveCount(1);
});

test("searching and going there work without scripts", async ({ newUser, watch }) => {
  watch.expect(/requestfailed .*\.js csp$/, "a browser without scripts does not load them");
  const ann = await newUser("Ann");
  const bo = await newUser("Bo", { javaScriptEnabled: false });
  const id = await sendMessage(ann, { to: bo.name }, "a sail is torn");
  for (let n = 2; n <= 90; n++) await sendMessage(ann, { conversation: id }, `line ${n}`);
  await bo.page.goto("/");
  await bo.page.getByRole("searchbox", { name: "Search conversations" }).fill("sail");
  await bo.page.getByRole("button", { name: "Search messages" }).click();
  await hits(bo.page).getByRole("link").click();
  await expect(bo.page.getByRole("article").filter({ hasText: "a sail is torn" })).toBeInViewport();
});

test("visitors are sent to the login page and come back to what they asked for", async ({ newUser, newDevice }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  await sendMessage(ann, { to: bo.name }, "a rope");
  const { page } = await newDevice();
  await page.goto("/search?q=rope");
  await expect(page).toHaveURL(/\/login\?next=/);
  expect(decodeURIComponent(page.url())).toContain("next=/search?q=rope");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the search page has nothing to complain of for axe, and fits a small screen (${colorScheme})`, async ({ newUser }) => {
    const ann = await newUser("Ann", { colorScheme, viewport: { width: 320, height: 640 } });
    const bo = await newUser("Bo");
    await sendMessage(bo, { to: ann.name }, `a very ${"long".repeat(60)} tide ${"and so on ".repeat(60)}`);
    for (const path of ["/search", "/search?q=tide", "/search?q=nothing", "/search?q=%22%22%21"]) {
      await ann.page.goto(path);
      expect(await flaws(ann.page), path).toEqual([]);
      const wide = await ann.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(wide, `${path} fits`).toBeLessThanOrEqual(0);
    }
    await expect(ann.page.getByRole("alert")).toHaveText("There is no word to search for.");
  });
}
