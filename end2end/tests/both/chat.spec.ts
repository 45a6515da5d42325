import { randomInt } from "node:crypto";
import { addMember, group, removeMember, sendMessage } from "../../fixtures/api";
import { allHave } from "../../fixtures/everybody";
import type { Person } from "../../fixtures/person";
import type { Proxy } from "../../fixtures/proxy";
import { expect, test } from "../../fixtures/test";
import { BROKEN_LINE } from "../../fixtures/watch";

test("two people talk, each on a node of their own where there are two", async ({ newUser, topology }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  await ann.chat.open();
  await bo.chat.open();
  if (topology === "two") expect(ann.chat.node, "they are on different nodes").not.toBe(bo.chat.node);

  await ann.chat.begin([bo.displayName]);
  await ann.chat.send("Hello Bo");
  await ann.chat.shows(["Hello Bo"]);
  await bo.chat.enter(ann.displayName);
  await bo.chat.shows(["Hello Bo"]);
  await bo.chat.send("Hello Ann");
  await ann.chat.shows(["Hello Bo", "Hello Ann"]);
  await ann.chat.send("How are you?");
  await bo.chat.send("Fine.");
  await expect.poll(() => ann.chat.texts().then((texts) => texts.length)).toBe(4);
  await bo.chat.shows(await ann.chat.texts());
  expect((await ann.chat.texts()).toSorted()).toEqual(["Fine.", "Hello Ann", "Hello Bo", "How are you?"]);
});

test("a message of one's own is sent, then delivered, then seen", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  await ann.chat.open();
  await ann.chat.begin([bo.displayName]);
  await ann.chat.send("Are you there?");
  await ann.chat.receipt("Are you there?", "Sent");
  // Bo is here, but looks at the list.
  await bo.chat.open();
  await ann.chat.receipt("Are you there?", "Delivered");
  await bo.chat.enter(ann.displayName);
  await ann.chat.receipt("Are you there?", "Seen");
});

test("who was away gets everything, once and in order", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  await bo.chat.open();
  await ann.chat.open();
  await ann.chat.begin([bo.displayName]);
  await ann.chat.send("before");
  await expect(bo.chat.row(ann.displayName)).toContainText("before");
  await bo.page.goto("about:blank");

  const sent = Array.from({ length: 20 }, (_, number) => `while you were away ${number}`);
  for (const text of sent) await ann.chat.send(text);
  await ann.chat.receipt(sent.at(-1) ?? "", "Sent");

  await bo.chat.open();
  await expect(bo.chat.row(ann.displayName)).toContainText("21 unread messages");
  await expect(bo.page).toHaveTitle("(21) Trunkline");
  await bo.chat.enter(ann.displayName);
  await bo.chat.shows(["before", ...sent]);
  await bo.chat.log.press("End");
  await ann.chat.receipt(sent.at(-1) ?? "", "Seen");
  await expect(bo.page).toHaveTitle(`${ann.displayName} – Trunkline`);
});

test("two devices of one user show the same, own messages and unread counts included", async ({ newUser, site }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "one");
  // The second device is at the other node, where there is one.
  const other = await ann.openDevice({ door: site.door(1) });
  await ann.chat.open();
  await other.chat.open();
  for (const { chat, page } of [ann, other]) {
    await expect(chat.row(bo.displayName)).toContainText("1 unread message");
    await expect(page).toHaveTitle("(1) Trunkline");
  }
  await sendMessage(bo, { conversation: id }, "two");
  for (const { chat, page } of [ann, other]) {
    await expect(chat.row(bo.displayName)).toContainText("2 unread messages");
    await expect(page).toHaveTitle("(2) Trunkline");
  }

  await ann.chat.enter(bo.displayName);
  await expect(ann.page).toHaveTitle(`${bo.displayName} – Trunkline`);
  await expect(other.page, "what is read on one device is read on all").toHaveTitle("Trunkline");
  await expect(other.chat.row(bo.displayName)).not.toContainText("unread");

  await ann.chat.send("three, from the first device");
  await expect(other.chat.row(bo.displayName)).toContainText("You: three, from the first device");
  await other.chat.enter(bo.displayName);
  await other.chat.send("four, from the second device");
  for (const { chat } of [ann, other]) {
    await chat.shows(["one", "two", "three, from the first device", "four, from the second device"]);
  }
  await expect(other.chat.row(bo.displayName), "one's own messages are not unread").not.toContainText("unread");
});

test("four people in a group see the same messages in the same order", async ({ newUser, topology }) => {
  const people = [await newUser("Ann"), await newUser("Bo"), await newUser("Cy"), await newUser("Di")];
  const [ann, bo, cy, di] = people as [Person, Person, Person, Person];
  const name = `Four ${randomInt(1e9)}`;
  const id = await group(ann, name, [bo, cy, di]);
  for (const person of people) await person.chat.open(`/c/${id}`);
  if (topology === "two") expect(new Set(people.map(({ chat }) => chat.node)).size).toBe(2);

  // All of them at once: each of the four decides nothing about the order.
  const rounds = 5;
  await Promise.all(
    people.map(async (person) => {
      for (let round = 0; round < rounds; round++) await person.chat.send(`${person.name} ${round}`);
    }),
  );
  const expected = people.flatMap((person) => Array.from({ length: rounds }, (_, round) => `${person.name} ${round}`));
  await allHave(people, expected);
});

test("a message is there for a device that loads right after the acknowledgement", async ({ newUser, site }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const other = await ann.openDevice({ door: site.door(1) });
  for (let turn = 0; turn < 5; turn++) {
    const id = await sendMessage(ann, { to: bo.name }, `turn ${turn}`);
    await other.page.goto(`${other.door}/c/${id}`);
    expect(await other.chat.texts()).toContain(`turn ${turn}`);
  }
});

test("typing, presence and last seen are shown to the other one", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  const standing = ann.page.getByRole("banner").or(ann.page.locator("header.heading"));
  await bo.chat.open(`/c/${id}`);
  await expect(standing).toContainText("online");
  await expect(ann.chat.row(bo.displayName)).toContainText("online");

  await bo.chat.composer.pressSequentially("I am wri", { delay: 30 });
  await expect(standing).toContainText("writing…");
  await expect(ann.chat.row(bo.displayName)).toContainText("writing…");
  await bo.chat.send("done");
  await ann.chat.shows(["Hi", "done"]);
  await expect(standing, "a message ends the writing").not.toContainText("writing…");

  await bo.page.goto("about:blank");
  await expect(standing, "who leaves is not here any more").toContainText("last seen", { timeout: 15_000 });
});

test("two tabs of one browser do not split the mail", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "first");
  const tab = await ann.device.openTab();
  await ann.chat.open(`/c/${id}`);
  await tab.chat.open(`/c/${id}`);
  await sendMessage(bo, { conversation: id }, "second");
  await ann.chat.send("from the first tab");
  await tab.chat.shows(["first", "second", "from the first tab"]);
  await tab.chat.send("from the second tab");
  const all = ["first", "second", "from the first tab", "from the second tab"];
  await ann.chat.shows(all);
  await tab.chat.shows(all);

  // A tab that is opened later finds nothing left over to send again.
  const later = await ann.device.openTab();
  await later.chat.open(`/c/${id}`);
  await later.chat.shows(all);
});

test("a message that is sent just before a reload is sent once", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  await bo.chat.open(`/c/${id}`);
  await ann.chat.open(`/c/${id}`);
  const expected = ["Hi"];
  for (const text of ["one", "two", "three", "four"]) {
    await ann.chat.composer.fill(text);
    await ann.chat.composer.press("Enter");
    await ann.page.reload();
    expected.push(text);
    await ann.chat.live();
    await ann.chat.shows(expected);
    await bo.chat.shows(expected);
  }
  await ann.chat.receipt("four", "Seen");
});

test("a cut line loses neither the draft nor what is sent, and sends nothing twice", async ({
  badLine: { proxy, ann, bo, id },
}) => {
  await ann.chat.open(`/c/${id}`);
  await bo.chat.open(`/c/${id}`);

  // While typing.
  await ann.chat.composer.pressSequentially("half a ");
  proxy.cut();
  await ann.chat.composer.pressSequentially("sentence");
  await expect(ann.chat.composer).toHaveValue("half a sentence");
  await ann.chat.live();
  await expect(ann.chat.composer, "the draft is untouched").toHaveValue("half a sentence");
  await ann.chat.composer.press("Enter");
  const expected = ["Hi", "half a sentence"];
  await bo.chat.shows(expected);

  // While sending: the acknowledgements are cut off, so that every message has to be sent again.
  for (let turn = 0; turn < 4; turn++) {
    const text = `in the moment of the cut ${turn}`;
    proxy.slow(40);
    await ann.chat.composer.fill(text);
    await ann.chat.composer.press("Enter");
    await expect.poll(() => ann.chat.sent.some((frame) => frame.type === "send" && frame["text"] === text)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, turn * 25));
    proxy.cut();
    proxy.heal();
    expected.push(text);
    await ann.chat.shows(expected, 20_000);
    await bo.chat.shows(expected, 20_000);
  }

  // While nothing gets through: kept here, in order, and sent when the line is back.
  proxy.refuse();
  proxy.cut();
  for (const text of ["without a line 1", "without a line 2"]) {
    await ann.chat.send(text);
    await ann.chat.receipt(text, "Pending");
    expected.push(text);
  }
  proxy.heal();
  await bo.chat.shows(expected, 20_000);
  await ann.chat.shows(expected);
  await ann.chat.receipt("without a line 2", "Seen");
});

test("unsent messages and drafts survive a reload", async ({ badLine: { proxy, ann, bo, id } }) => {
  await ann.chat.open(`/c/${id}`);
  proxy.refuse();
  proxy.cut();
  await ann.chat.send("kept in the outbox");
  await ann.chat.composer.fill("kept as a draft");
  await ann.chat.receipt("kept in the outbox", "Pending");
  proxy.heal();
  await ann.page.reload();
  await ann.chat.shows(["Hi", "kept in the outbox"]);
  await expect(ann.chat.composer).toHaveValue("kept as a draft");
  await bo.chat.open(`/c/${id}`);
  await bo.chat.shows(["Hi", "kept in the outbox"]);
});

test("the banner tells the truth", async ({ badLine: { proxy, ann } }) => {
  await ann.chat.open();
  await expect(ann.chat.banner, "nothing is said while all is well").toHaveText("");

  proxy.refuse();
  proxy.cut();
  await expect(ann.chat.banner).toContainText(/Reconnecting in \d+ s/);
  // The wait grows with each try; it is cut short by hand.
  await expect(ann.chat.banner).toContainText(/Reconnecting in ([3-9]|\d\d) s/, { timeout: 30_000 });
  proxy.heal();
  await ann.chat.banner.getByRole("button", { name: "Reconnect now" }).click();
  await expect(ann.chat.banner).toHaveAttribute("data-state", "live", { timeout: 2_000 });
  await expect(ann.chat.banner).toHaveText("");

  await ann.context.setOffline(true);
  await expect(ann.chat.banner).toContainText("You are offline");
  await ann.context.setOffline(false);
  await expect(ann.chat.banner).toHaveAttribute("data-state", "live");
});

test("a line that is open and carries nothing is found out", async ({ badLine: { proxy, ann, bo, id } }) => {
  test.slow();
  await ann.chat.open(`/c/${id}`);
  proxy.swallow();
  await ann.chat.send("into the void");
  await ann.chat.receipt("into the void", "Pending");
  await expect(ann.chat.banner).not.toHaveAttribute("data-state", "live", { timeout: 30_000 });
  proxy.heal();
  await ann.chat.shows(["Hi", "into the void"]);
  await bo.chat.open(`/c/${id}`);
  await bo.chat.shows(["Hi", "into the void"]);
});

test.describe("a message that is refused for good", () => {
  const TEXT = "I was about to say";

  async function refused(bo: Person, ann: Person, id: number, proxy: Proxy): Promise<void> {
    await sendMessage(ann, { conversation: id }, "Welcome");
    await bo.chat.open(`/c/${id}`);
    await bo.chat.shows(["Welcome"]);
    proxy.refuse();
    proxy.cut();
    await bo.chat.send(TEXT);
    await bo.chat.receipt(TEXT, "Pending");
    await removeMember(ann, id, bo);
    proxy.heal();
    await bo.chat.live();
  }

  test("keeps its text in sight and says why", async ({ newUser, newProxy, site, watch }) => {
    watch.expect(BROKEN_LINE, "the line is cut");
    const proxy = await newProxy(site.door(1));
    const [ann, bo] = [await newUser("Ann"), await newUser("Bo", { door: proxy.url })];
    const id = await group(ann, `Choir ${randomInt(1e9)}`, [bo]);
    await refused(bo, ann, id, proxy);
    await expect(bo.page.getByText(TEXT)).toBeVisible();
    await expect(bo.page.getByText(/not a member|no longer|not one of its members/i).first()).toBeVisible();
  });

  test("is sent when one may again and retries, or comes back to be changed", async ({ newUser, newProxy, site, watch }) => {
    watch.expect(BROKEN_LINE, "the line is cut");
    const proxy = await newProxy(site.door(1));
    const [ann, bo] = [await newUser("Ann"), await newUser("Bo", { door: proxy.url })];
    const id = await group(ann, `Choir ${randomInt(1e9)}`, [bo]);
    await refused(bo, ann, id, proxy);
    await addMember(ann, id, bo);
    const message = bo.chat.message(TEXT);
    await bo.chat.receipt(TEXT, "Not sent");
    await bo.page.reload();
    await bo.chat.live();
    await bo.chat.receipt(TEXT, "Not sent");
    await message.getByRole("button", { name: "Retry" }).click();
    await bo.chat.receipt(TEXT, "Sent");
    await ann.chat.open(`/c/${id}`);
    await ann.chat.shows(["Welcome", TEXT]);

    proxy.refuse();
    proxy.cut();
    await bo.chat.send("Something else");
    await removeMember(ann, id, bo);
    proxy.heal();
    await bo.chat.live();
    await addMember(ann, id, bo);
    await bo.chat.receipt("Something else", "Not sent");
    await bo.chat.message("Something else").getByRole("button", { name: "Discard" }).click();
    await expect(bo.chat.message("Something else")).toHaveCount(0);
    await expect(bo.chat.composer).toHaveValue("Something else");
    await ann.chat.shows(["Welcome", TEXT]);
  });
});

test("what is said in the open conversation is read out", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  const live = ann.page.locator("[aria-live=polite][aria-atomic=true]");
  await expect(live).toBeEmpty();
  await sendMessage(bo, { conversation: id }, "Do you hear me?");
  await expect(live).toHaveText(`${bo.displayName}: Do you hear me?`);
  await sendMessage(bo, { conversation: id }, "Loud and clear?");
  await expect(live).toHaveText(`${bo.displayName}: Loud and clear?`);
});
