import { randomInt } from "node:crypto";
import type { Page } from "@playwright/test";
import { group, sendMessage } from "../../fixtures/api";
import { allHave } from "../../fixtures/everybody";
import type { Person } from "../../fixtures/person";
import { until } from "../../fixtures/process";
import { expect, test } from "../../fixtures/test";

/**
 * Lets everyone write messages of their own, with these numbers, one after the other. When all of them have written a
 * quarter of theirs, something `happens`, and everybody goes on writing meanwhile and after.
 */
async function writeAll(people: Person[], [from, to]: [number, number], happens: () => Promise<void>): Promise<string[]> {
  const numbers = Array.from({ length: to - from }, (_, index) => String(from + index).padStart(2, "0"));
  const begun = Math.ceil(numbers.length / 4);
  const write = (from: number, to?: number): Promise<void>[] =>
    people.map(async ({ chat, name }) => {
      for (const number of numbers.slice(from, to)) await chat.send(`${name} ${number}`);
    });
  await Promise.all(write(0, begun));
  await Promise.all([happens(), ...write(begun)]);
  return people.flatMap(({ name }) => numbers.map((number) => `${name} ${number}`));
}

/** Notes what a part of the page shows from now on, or an attribute of it; gives what was noted of changes. */
async function noteTexts(page: Page, selector: string, attribute?: string): Promise<() => Promise<string[]>> {
  const part = page.locator(selector).first();
  const noted = await part.evaluateHandle((element, attribute) => {
    const seen: string[] = [];
    const look = (): string => (attribute === undefined ? (element.textContent ?? "") : (element.getAttribute(attribute) ?? ""));
    let last = look();
    const note = (): void => {
      if (look() !== last) seen.push((last = look()));
    };
    new MutationObserver(note).observe(element, { subtree: true, childList: true, characterData: true, attributes: true });
    return seen;
  }, attribute);
  return () => noted.jsonValue();
}

test("a node is killed while messages flow: its people move, nothing is lost or doubled", async ({
  newCluster,
  newUser,
  watch,
}) => {
  test.slow();
  watch.expectCut("a node is killed");
  const site = await newCluster();
  const people = [await newUser("Ann", { site }), await newUser("Bo", { site }), await newUser("Cy", { site })];
  const [ann, bo, cy] = people as [Person, Person, Person];
  const id = await group(ann, `Flow ${randomInt(1e9)}`, [bo, cy]);
  for (const { chat } of people) await chat.open(`/c/${id}`);
  const [first, second] = site.nodes;
  const names = [await first.readiness(), await second.readiness()].map((readiness) => readiness?.node);
  expect(people.map(({ chat }) => chat.node)).toEqual([names[0], names[1], names[0]]);

  let shown = 0;
  const expected = await writeAll(people, [0, 15], async () => {
    shown = await bo.chat.messages.count();
    await first.kill();
  });
  expect(shown, "most of it is still to come").toBeLessThan(expected.length / 2);
  await allHave(people, expected);
  expect(ann.chat.node, "moved to the node that lives").toBe(names[1]);
  await ann.chat.live();

  // What it comes back as is another incarnation; nothing comes twice.
  await first.restart();
  await sendMessage(cy, { conversation: id }, "after");
  for (const { chat } of people) await expect(chat.messages).toHaveCount(expected.length + 1);
});

test("Redis is killed and restarted while messages flow: late at worst, nothing lost or doubled", async ({
  newCluster,
  newUser,
}) => {
  test.slow();
  const site = await newCluster();
  const people = [await newUser("Ann", { site }), await newUser("Bo", { site }), await newUser("Cy", { site })];
  const [ann, bo, cy] = people as [Person, Person, Person];
  const id = await group(ann, `Flow ${randomInt(1e9)}`, [bo, cy]);
  for (const { chat } of people) await chat.open(`/c/${id}`);
  expect(ann.chat.node).not.toBe(bo.chat.node);

  const expected = await writeAll(people, [0, 15], () => site.redis.kill());
  await allHave(people, expected);

  // It is told: in the banner, and to whoever asks the node.
  await expect(ann.chat.banner).toContainText("cut off from the others");
  expect((await site.nodes[0].readiness())?.bus).toBe("down");
  await sendMessage(ann, { conversation: id }, "without Redis");
  await expect(bo.chat.message("without Redis"), "over the store, which both nodes follow").toBeVisible({ timeout: 12_000 });

  const later = await writeAll(people, [15, 30], () => site.redis.restart());
  await allHave(people, [...expected, "without Redis", ...later]);
  await expect(ann.chat.banner).toHaveText("", { timeout: 20_000 });
  await until("both nodes hear each other again", 20_000, async () => {
    const said = await Promise.all(site.nodes.map((node) => node.readiness()));
    return said.every((readiness) => readiness?.bus === "up");
  });
  await sendMessage(bo, { conversation: id }, "with Redis again");
  await expect(ann.chat.message("with Redis again")).toBeVisible({ timeout: 3_000 });
  for (const { chat } of people) await expect(chat.messages).toHaveCount(expected.length + later.length + 2);
});

test("a node that is stopped hands its people to the other one, in time and without a loss", async ({
  newCluster,
  newUser,
  watch,
}) => {
  watch.expectCut("a node is stopped");
  const site = await newCluster();
  const [ann, bo] = [await newUser("Ann", { site }), await newUser("Bo", { site })];
  const id = await sendMessage(ann, { to: bo.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  await bo.chat.open(`/c/${id}`);
  const old = ann.chat.node;
  const expected = await writeAll([ann, bo], [0, 10], async () => {
    const before = Date.now();
    await site.nodes[0].stop();
    expect(Date.now() - before, "milliseconds to stop").toBeLessThan(10_000);
  });
  await allHave([ann, bo], ["Hi", ...expected]);
  await ann.chat.live();
  expect(ann.chat.node).not.toBe(old);
});

test("who moves away from a node that stops notices nothing, and nobody misses them", async ({
  newCluster,
  newUser,
}) => {
  const site = await newCluster(["--drain-seconds", "4"]);
  const [ann, bo] = [await newUser("Ann", { site }), await newUser("Bo", { site })];
  const id = await sendMessage(ann, { to: bo.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  await bo.chat.open(`/c/${id}`);
  const old = ann.chat.node;
  expect(bo.chat.node).not.toBe(old);
  await expect(bo.chat.row(ann.displayName)).toContainText("online");
  // From here on every state of Ann's banner and of what Bo sees of her is noted.
  const banners = await noteTexts(ann.page, ".banner", "data-state");
  const presences = await noteTexts(bo.page, "header.heading");
  await ann.chat.composer.fill("half a sen");
  const caret = (): Promise<number> => ann.chat.composer.evaluate((field) => (field as HTMLTextAreaElement).selectionStart);
  await ann.chat.composer.press("ArrowLeft");
  const before = await caret();
  const stopped = site.nodes[0].stop();
  await expect.poll(() => ann.chat.node, { timeout: 10_000 }).not.toBe(old);
  await stopped;
  await ann.chat.live();
  await expect(ann.chat.composer).toHaveValue("half a sen");
  expect(await caret()).toBe(before);
  await ann.chat.composer.press("End");
  await ann.chat.composer.pressSequentially("tence");
  await ann.chat.composer.press("Enter");
  await bo.chat.shows(["Hi", "half a sentence"]);
  await ann.chat.receipt("half a sentence", "Seen");
  // Longer than a node takes to look again who is here.
  await bo.page.waitForTimeout(4_000);
  expect(await banners(), "states of the banner").toEqual([]);
  for (const seen of await presences()) expect(seen).not.toContain("last seen");
});

test("who was on a node that died is shown as gone", async ({ newCluster, newUser, watch }) => {
  watch.expectCut("a node is killed");
  const site = await newCluster();
  const [ann, bo] = [await newUser("Ann", { site }), await newUser("Bo", { site })];
  const id = await sendMessage(ann, { to: bo.name }, "Hi");
  await bo.chat.open(`/c/${id}`);
  await ann.chat.open();
  await expect(bo.chat.row(ann.displayName)).toContainText("online");
  // Nobody is left to take leave of: her machine goes down with its node.
  await ann.context.setOffline(true);
  await site.nodes[0].kill();
  await expect(bo.page.locator("header.heading")).toContainText("last seen", { timeout: 15_000 });
  await expect(bo.chat.row(ann.displayName)).not.toContainText("online");
});

test("with broadcast routing people talk across nodes too", async ({ newCluster, newUser }) => {
  const site = await newCluster(["--routing", "broadcast"]);
  const [ann, bo] = [await newUser("Ann", { site }), await newUser("Bo", { site })];
  const id = await sendMessage(ann, { to: bo.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  await bo.chat.open(`/c/${id}`);
  expect(ann.chat.node).not.toBe(bo.chat.node);
  await ann.chat.send("one");
  await bo.chat.shows(["Hi", "one"]);
  await bo.chat.send("two");
  await ann.chat.shows(["Hi", "one", "two"]);
  await ann.chat.receipt("one", "Seen");
});

test("no request has to come to the node of the one before it", async ({ newCluster, newUser }) => {
  const site = await newCluster();
  // Everyone at the one address that people are given.
  const [ann, bo] = [await newUser("Ann", { door: site.url }), await newUser("Bo", { door: site.url })];
  const id = await sendMessage(ann, { to: bo.name }, "Hi");
  const met = new Set<string | undefined>();
  const said = ["Hi"];
  for (let visit = 0; visit < 4; visit++) {
    for (const person of [ann, bo]) {
      // nginx takes turns, and a page makes as many requests each time: one more, and the next socket goes elsewhere.
      if (visit % 2 === 1) await person.context.request.get(`${site.url}/healthz`);
      await person.chat.open(`/c/${id}`);
      met.add(person.chat.node);
      said.push(`${person.name} ${visit}`);
      await person.chat.send(`${person.name} ${visit}`);
      await ann.chat.shows(said);
    }
    await bo.chat.shows(said);
  }
  expect(met.size, "nodes that were met").toBe(2);
});
