import { sendMessage } from "../../fixtures/api";
import type { Device } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";

/** Lets a page sleep: its scripts and timers stand still, as on a laptop whose lid was closed. Gives what wakes it. */
async function sleep({ context, page }: Pick<Device, "context" | "page">): Promise<() => Promise<void>> {
  const session = await context.newCDPSession(page);
  await session.send("Page.enable");
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  return async () => {
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await session.detach();
  };
}

test("a laptop that slept while its line died has everything once, and what it had not sent yet is sent once", async ({
  badLine: { proxy, ann, bo, id },
}) => {
  await ann.chat.open(`/c/${id}`);
  await bo.chat.open(`/c/${id}`);
  await expect(bo.chat.row(ann.displayName)).toContainText("online");

  // What is said last goes nowhere, and the lid is closed before anybody could notice.
  proxy.swallow();
  await ann.chat.send("just before the lid was closed");
  await ann.chat.receipt("just before the lid was closed", "Pending");
  const wake = await sleep(ann);
  proxy.cut();
  const said = ["are you there?", "hello?", "then good night"];
  for (const text of said) await bo.chat.send(text);
  await bo.chat.shows(["Hi", ...said]);
  await expect(bo.page.locator("header.heading"), "who sleeps is gone").toContainText("last seen");

  proxy.heal();
  await wake();
  const all = ["Hi", ...said, "just before the lid was closed"];
  await bo.chat.shows(all, 20_000);
  await ann.chat.shows(all);
  await ann.chat.live();
  await ann.chat.receipt("just before the lid was closed", "Seen");
  await ann.page.reload();
  await ann.chat.shows(all);
});

test("a laptop that slept through the death of its node and of Redis wakes up on another node", async ({
  newCluster,
  newUser,
  watch,
}) => {
  watch.expectCut("a node is killed");
  const site = await newCluster();
  const [ann, bo] = [await newUser("Ann", { site }), await newUser("Bo", { site })];
  const id = await sendMessage(ann, { to: bo.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  await bo.chat.open(`/c/${id}`);
  const wake = await sleep(ann);
  await site.redis.kill();
  await site.nodes[0].kill();
  const said = ["Hi", "one", "two", "three"];
  for (const text of said.slice(1)) await bo.chat.send(text);
  await bo.chat.shows(said);
  await site.redis.restart();
  await wake();
  await ann.chat.shows(said, 20_000);
  expect(ann.chat.node).toBe(bo.chat.node);
});

/** Writes a message and loads the page anew at once, whatever has become of it. */
async function sendAndReload({ chat, page }: Pick<Device, "chat" | "page">, text: string): Promise<void> {
  await chat.composer.fill(text);
  await chat.composer.press("Enter");
  await page.reload();
}

test("two tabs that are loaded anew right after Enter, on a bad line, send everything once", async ({
  badLine: { proxy, ann, bo, id },
}) => {
  test.slow();
  const other = await ann.device.openTab();
  for (const device of [ann, other, bo]) await device.chat.open(`/c/${id}`);
  // So slow that hardly an ack arrives before the page is gone, and now and then there is no line at all.
  proxy.slow(60);
  const expected = ["Hi"];
  for (let number = 0; number < 10; number++) {
    const tab = number % 2 === 0 ? ann : other;
    if (number % 3 === 0) proxy.cut();
    await sendAndReload(tab, `message ${number}`);
    expected.push(`message ${number}`);
  }
  proxy.heal();
  const sorted = (): Promise<string[]> => bo.chat.texts().then((texts) => texts.toSorted());
  await expect.poll(sorted, { timeout: 30_000 }).toEqual(expected.toSorted());
  const order = await bo.chat.texts();
  // Each tab's own order is kept.
  for (const tab of [0, 1]) {
    const own = order.filter((text) => text.startsWith("message ") && Number(text.at(-1)) % 2 === tab);
    expect(own).toEqual(own.toSorted());
  }
  for (const { chat } of [ann, other]) {
    await chat.live();
    await chat.shows(order, 20_000);
  }
});
