import { group, sendMessage } from "../../fixtures/api";
import { flaws, isNotWider } from "../../fixtures/axe";
import type { Person } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";

/** The steps of the way that is shown, with those of one recipient last. */
function steps(person: Person, called?: string): Promise<string[]> {
  const part = called === undefined ? person.page.locator("main") : person.page.getByRole("region", { name: called });
  return part.locator(".timeline__what").allInnerTexts();
}

/** Where the times of a recipient's steps begin, in pixels from the left. */
function edges(person: Person, called: string): Promise<number[]> {
  const times = person.page.getByRole("region", { name: called }).locator(".timeline__step").getByRole("time");
  return times.evaluateAll((all) => all.map((time) => Math.round(time.getBoundingClientRect().left)));
}

test("a click on the receipt shows the way that the message took", async ({ newUser, topology }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Ask me something");
  await bo.chat.open(`/c/${id}`);
  await ann.chat.open(`/c/${id}`);
  await ann.chat.send("Do you hear me?");
  await ann.chat.receipt("Do you hear me?", "Seen");
  await expect(ann.chat.message("Ask me something").getByRole("link"), "what others wrote has none").toHaveCount(0);
  const nodes = [ann.chat.node?.slice(0, 8), bo.chat.node?.slice(0, 8)];
  await ann.chat.message("Do you hear me?").getByRole("link", { name: "Seen" }).click();
  await expect(ann.page).toHaveURL(`${ann.door}/c/${id}/delivery/2`);
  await expect(ann.page.getByRole("heading", { name: "Delivery", level: 1 })).toBeVisible();
  await expect(ann.page.getByText("It arrived, and was seen.")).toBeVisible();
  await expect(ann.page.getByText("Do you hear me?")).toBeVisible();
  const over = [`Accepted at node ${nodes[0]}`, "Stored as number 2"];
  if (topology === "two") {
    expect(nodes[0]).not.toBe(nodes[1]);
    over.push(`Routed by node ${nodes[0]} to node ${nodes[1]}`, `Received by node ${nodes[1]}`);
  }
  // Polled: a node that has much to do may not answer the first time, and the page asks again.
  await expect.poll(() => steps(ann, "Over the nodes")).toEqual(over);
  const withBo = ["Given to its connection", "Written to its socket", "Acknowledged by the device", "Seen"];
  await expect.poll(() => steps(ann, `${bo.displayName} Seen`)).toEqual(withBo);
  expect(new Set(await edges(ann, bo.displayName)).size, "times stand in one column").toBe(1);
  await ann.page.setViewportSize({ width: 360, height: 800 });
  expect(new Set(await edges(ann, bo.displayName)).size, "on a phone too").toBe(1);
  await ann.page.setViewportSize({ width: 1200, height: 800 });
  await expect(ann.page.getByRole("region", { name: "Who was asked" }).getByRole("listitem")).toHaveCount(
    topology === "two" ? 2 : 1,
  );
  await ann.page.getByRole("link", { name: "Back to the conversation" }).click();
  await expect(ann.chat.message("Do you hear me?")).toBeVisible();
});

test("the page follows a message that waits for somebody, and works without scripts too", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(ann, { to: bo.name }, "Call me back");
  const path = `/c/${id}/delivery/1`;
  await ann.page.goto(`${ann.door}${path}`);
  await expect(ann.page.getByText("This page keeps itself up to date.")).toBeVisible();
  await expect(ann.page.getByText("Stored. It has not arrived yet.")).toBeVisible();
  const plain = await ann.openDevice({ javaScriptEnabled: false });
  await plain.page.goto(`${ann.door}${path}`);
  await expect(plain.page.getByText("Stored. It has not arrived yet.")).toBeVisible();
  await expect(plain.page.getByRole("region", { name: bo.displayName })).toContainText("waits in the store");

  await bo.chat.open(`/c/${id}`);
  await expect(ann.page.getByText("It arrived, and was seen."), "without a reload").toBeVisible();
  await plain.page.getByRole("link", { name: "Refresh" }).click();
  await expect(plain.page.getByText("It arrived, and was seen.")).toBeVisible();
});

test("who reads a message on another page than it came to has seen it, and it is said when", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Ask me something");
  // Bo's chat is open, and the conversation is not.
  await bo.chat.open();
  await ann.chat.open(`/c/${id}`);
  await ann.chat.send("Do you hear me?");
  await ann.chat.receipt("Do you hear me?", "Delivered");
  await bo.chat.open(`/c/${id}`);
  await ann.chat.receipt("Do you hear me?", "Seen");
  await ann.page.goto(`${ann.door}/c/${id}/delivery/2`);
  const seen = ann.page.getByRole("region", { name: `${bo.displayName} Seen` }).locator(".timeline__step", { hasText: "Seen" });
  await expect(seen.getByRole("time")).toHaveText(/^\d\d:\d\d:\d\d\.\d{3}$/);
});

test("with the keyboard one finds one's messages by the details, and their way", async ({ newUser }) => {
  const [ann, bo, cy] = [await newUser("Ann"), await newUser("Bo"), await newUser("Cy")];
  const id = await group(ann, "Way finders", [bo, cy]);
  await sendMessage(ann, { conversation: id }, "First");
  await sendMessage(bo, { conversation: id }, "Not hers");
  await sendMessage(ann, { conversation: id }, "Second");
  await ann.chat.open(`/c/${id}`);
  await bo.chat.open(`/c/${id}`);
  await ann.page.getByRole("button", { name: "Conversation details" }).focus();
  await ann.page.keyboard.press("Enter");
  await ann.page.getByRole("link", { name: "Delivery of your messages" }).focus();
  await ann.page.keyboard.press("Enter");
  const list = ann.page.getByRole("region", { name: "Whether they arrived" });
  await expect(list.getByRole("link")).toHaveText(["Second", "First"]);
  await expect(list.getByRole("listitem").first()).toContainText("delivered to 1 of 2, seen by 1");
  await list.getByRole("link", { name: "First" }).focus();
  await ann.page.keyboard.press("Enter");
  await expect(ann.page.getByText("It arrived with 1 of 2 people, and was seen by 1.")).toBeVisible();
  await expect(ann.page.getByRole("region", { name: cy.displayName })).toContainText("Not delivered yet");
});

test("nobody else sees the way of a message", async ({ newUser, newDevice, watch }) => {
  watch.expect(/status of 40[34]/, "what is not theirs is asked for");
  const [ann, bo, cy] = [await newUser("Ann"), await newUser("Bo"), await newUser("Cy")];
  const id = await sendMessage(ann, { to: bo.name }, "Between us");
  for (const [who, status] of [[bo, 403], [cy, 403]] as const) {
    const answer = await who.page.goto(`${who.door}/c/${id}/delivery/1`);
    expect(answer?.status()).toBe(status);
    await expect(who.page.getByRole("alert")).toBeVisible();
    await expect(who.page.getByText("Between us")).toHaveCount(0);
  }
  expect((await ann.page.goto(`${ann.door}/c/${id}/delivery/99`))?.status()).toBe(404);
  const stranger = await newDevice();
  await stranger.page.goto(`${stranger.door}/c/${id}/delivery/1`);
  await expect(stranger.page.getByRole("heading", { name: "Log in" })).toBeVisible();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`in ${colorScheme} colours axe finds nothing, and 320 px are enough`, async ({ newUser }) => {
    const phone = { viewport: { width: 320, height: 640 }, colorScheme };
    const [ann, bo] = [await newUser("Ann", phone), await newUser("Bo")];
    const id = await sendMessage(bo, { to: ann.name }, "Hello");
    await bo.chat.open(`/c/${id}`);
    await ann.chat.open(`/c/${id}`);
    await ann.chat.send(`A_long_word_${"x".repeat(80)}`);
    await sendMessage(ann, { conversation: id }, "Again");
    for (const path of ["delivery", "delivery/2"]) {
      await ann.page.goto(`${ann.door}/c/${id}/${path}`);
      await expect(ann.page.getByText("This page keeps itself up to date.")).toBeVisible();
      await isNotWider(ann.page, path);
      expect(await flaws(ann.page), path).toEqual([]);
    }
  });
}
