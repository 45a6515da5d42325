import { randomInt } from "node:crypto";
import { group, sendMessage } from "../../fixtures/api";
import type { ChatPage } from "../../fixtures/chat-page";
import type { Person } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";

const MANY = 500;
const WRITERS = 20;

/** Writes `count` numbered messages, one after the other, so that their order is known. */
async function write(by: Person[], conversation: number, count: number): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, number) => `number ${number}${"\nand a second line".repeat(number % 3)}`);
  for (const [number, text] of texts.entries()) {
    const writer = by[number % by.length];
    if (writer !== undefined) await sendMessage(writer, { conversation }, text);
  }
  return texts;
}

/** Where every message stands on the screen, and how far the log is scrolled, at one moment. */
async function look(chat: ChatPage): Promise<{ scrolled: number; atStart: boolean; lines: Map<string, number> }> {
  const seen = await chat.log.evaluate((log) => ({
    scrolled: log.scrollTop,
    atStart: log.scrollHeight - log.clientHeight + log.scrollTop < 2,
    lines: [...log.querySelectorAll("article")].map(
      (line) => [line.querySelector(".message__text")?.textContent ?? "", line.getBoundingClientRect().top] as const,
    ),
  }));
  return { ...seen, lines: new Map(seen.lines) };
}

/** Goes to the end. A page that is just opened first goes to where reading stopped, perhaps after the key. */
async function toEnd(chat: ChatPage, last: string): Promise<void> {
  await expect(async () => {
    await chat.log.press("End");
    await expect(chat.message(last)).toBeInViewport({ timeout: 1_000 });
  }).toPass({ timeout: 10_000 });
}

/** Waits until nothing scrolls any more, such as the wheel's own animation. */
async function still(chat: ChatPage): Promise<void> {
  await chat.log.evaluate(async (log) => {
    for (let same = 0, last = Number.NaN; same < 5; last = log.scrollTop) {
      await new Promise((done) => requestAnimationFrame(done));
      same = log.scrollTop === last ? same + 1 : 0;
    }
  });
}

test("a history of 500 messages is scrolled to its beginning without a jump", async ({ newUser }) => {
  test.slow();
  const reader = await newUser("Rea");
  const writers = await Promise.all(Array.from({ length: WRITERS }, (_, number) => newUser(`Wri${number}`)));
  const id = await group(writers[0] as Person, `Archive ${randomInt(1e9)}`, [reader, ...writers.slice(1)]);
  const texts = await write(writers, id, MANY);
  const { chat, page } = reader;
  await chat.open(`/c/${id}`);
  await toEnd(chat, texts.at(-1) ?? "");
  await chat.log.hover();

  const start = page.getByText("This is the beginning of this conversation.");
  const counts = new Set<number>();
  let worst = 0;
  for (let turn = 0; turn < 400; turn++) {
    const before = await look(chat);
    counts.add(before.lines.size);
    if (before.atStart && (await start.isVisible())) break;
    await page.mouse.wheel(0, -500);
    // Two frames later the scroll has been done; whatever was loaded meanwhile is there too.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const after = await look(chat);
    // Loading adds lines above: the lines that were there move by what was scrolled and by nothing else.
    for (const [text, top] of before.lines) {
      const now = after.lines.get(text);
      if (now !== undefined) worst = Math.max(worst, Math.abs(now - top + (after.scrolled - before.scrolled)));
    }
  }
  expect(counts.size, "it came in several parts").toBeGreaterThan(5);
  expect(worst, "pixels that a line jumped").toBeLessThan(2);
  expect(await chat.texts()).toEqual(texts);
});

test("the view stays put while one reads above, and a button leads to the latest", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "the first");
  await write([ann, bo], id, 40);
  const { chat, page } = ann;
  await chat.open(`/c/${id}`);
  await toEnd(chat, "number 39");
  const jump = page.getByRole("button", { name: "Jump to latest" });
  await expect(jump).toBeHidden();

  await chat.log.hover();
  await page.mouse.wheel(0, -900);
  await expect(jump).toBeVisible();
  await still(chat);
  const before = await look(chat);
  for (let number = 0; number < 5; number++) await sendMessage(bo, { conversation: id }, `new ${number}`);
  await expect(chat.message("new 4")).toHaveCount(1);
  // The view is put right before the frame is painted; between, a script can see what nobody sees.
  await still(chat);
  const after = await look(chat);
  for (const [text, top] of before.lines) expect(Math.abs((after.lines.get(text) ?? Number.NaN) - top), text).toBeLessThan(2);
  await expect(chat.message("new 4")).not.toBeInViewport();
  await expect(chat.row(bo.displayName), "what was not seen is not read").toContainText("5 unread messages");

  await jump.click();
  await expect(chat.message("new 4")).toBeInViewport();
  await expect(jump).toBeHidden();
  await expect(chat.row(bo.displayName)).not.toContainText("unread");
});

test("a line shows where reading stopped", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "read before");
  const { chat, page } = ann;
  await chat.open(`/c/${id}`);
  await expect(chat.row(bo.displayName)).not.toContainText("unread");
  await page.goto("about:blank");
  const texts = await write([bo], id, 30);

  await chat.open(`/c/${id}`);
  const line = page.getByRole("separator", { name: "New messages" });
  await expect(line, "the reader begins where they stopped, not at the end").toBeInViewport();
  const read = await chat.message("read before").boundingBox();
  const place = await line.boundingBox();
  const first = await chat.message(texts[0] ?? "").boundingBox();
  expect(read?.y ?? 0).toBeLessThan(place?.y ?? 0);
  expect(place?.y ?? 0).toBeLessThan(first?.y ?? 0);
});

test("messages that come while one looks away stay unread until one looks back", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  const { chat, page } = ann;
  await chat.open(`/c/${id}`);
  await expect(page).toHaveTitle(`${bo.displayName} – Trunkline`);
  await chat.lookAway();
  await sendMessage(bo, { conversation: id }, "Still there?");
  await expect(page).toHaveTitle(`(1) ${bo.displayName} – Trunkline`);
  await chat.lookBack();
  await expect(page).toHaveTitle(`${bo.displayName} – Trunkline`);
});
