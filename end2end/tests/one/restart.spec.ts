import { sendMessage } from "../../fixtures/api";
import { expect, test } from "../../fixtures/test";
import { BROKEN_LINE, NO_SERVER } from "../../fixtures/watch";

test("a node that is killed while messages flow loses none and doubles none", async ({ newNode, newUser, watch }) => {
  test.slow();
  watch.expect(BROKEN_LINE, "the node is killed");
  watch.expect(NO_SERVER, "the node is killed");
  const site = await newNode();
  const [ann, bo] = [await newUser("Ann", { site }), await newUser("Bo", { site })];
  const id = await sendMessage(ann, { to: bo.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  await bo.chat.open(`/c/${id}`);
  const sent = ["Hi"];
  for (let number = 0; number < 24; number++) {
    const text = `number ${number}`;
    sent.push(text);
    await ann.chat.send(text);
    if (number === 8) await site.node.kill();
  }
  await expect(ann.chat.banner).not.toHaveAttribute("data-state", "live");
  await ann.chat.receipt("number 23", "Pending");
  await site.node.restart();
  await ann.chat.shows(sent, 40_000);
  await bo.chat.shows(sent, 40_000);
  await ann.chat.receipt("number 23", "Seen");
  await bo.page.reload();
  await bo.chat.live();
  await bo.chat.shows(sent);
});

test("a node that is stopped says so, and its pages find it again", async ({ newNode, newUser, watch }) => {
  watch.expect(BROKEN_LINE, "the node is stopped");
  watch.expect(NO_SERVER, "the node is stopped");
  const site = await newNode();
  const ann = await newUser("Ann", { site });
  await ann.chat.open();
  const before = Date.now();
  await site.node.stop();
  expect(Date.now() - before, "milliseconds to stop").toBeLessThan(10_000);
  await expect(ann.chat.banner).toContainText("Reconnecting");
  await site.node.restart();
  await ann.chat.live();
});

test("ended sessions stay ended and live ones live when the node starts again", async ({ newNode, newUser, watch }) => {
  watch.expect(BROKEN_LINE, "the node is stopped");
  watch.expect(NO_SERVER, "the node is stopped");
  const site = await newNode();
  const ann = await newUser("Ann", { site });
  const other = await ann.openDevice();
  await ann.page.goto(`${ann.door}/settings`);
  await ann.page.getByRole("button", { name: "End all other sessions" }).click();
  await expect(ann.page.getByText("All other sessions were ended.")).toBeVisible();
  await site.node.stop();
  await site.node.restart();
  await other.page.goto(`${other.door}/`);
  await expect(other.page).toHaveURL(/\/login/);
  await ann.chat.open();
});
