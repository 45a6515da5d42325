import { AdminPage } from "../../fixtures/admin";
import { expect, test } from "../../fixtures/test";

test("every node is there with its connections, and one that hangs is named", async ({ newCluster, newUser }) => {
  const site = await newCluster();
  const [admin, bo] = [await newUser("Ada", { site }), await newUser("Bo", { site })];
  const [first, second] = [(await site.nodes[0].readiness())?.node ?? "", (await site.nodes[1].readiness())?.node ?? ""];
  const page = await new AdminPage(admin).open();
  await expect(page.nodes).toHaveCount(2);
  await expect(page.node(first)).toContainText("this one");
  for (const node of [first, second]) await expect(page.node(node)).toContainText("Healthy");
  await bo.chat.open();
  expect(bo.chat.node).toBe(second);
  await expect(page.node(second).getByRole("cell").nth(1), "connections").toHaveText("1");
  await expect(page.node(first).getByRole("cell").nth(1)).toHaveText("0");
  site.nodes[1].freeze();
  await expect(page.node(second)).toContainText("Did not answer");
  site.nodes[1].thaw();
  await expect(page.node(second)).toContainText("Healthy");
});

test("who is disabled is out on the other node within two seconds", async ({ newCluster, newUser, watch }) => {
  watch.expect(/status of 401|WebSocket connection to '[^']*' failed/, "somebody is shut out");
  const site = await newCluster();
  const [admin, bo] = [await newUser("Ada", { site }), await newUser("Bo", { site })];
  await bo.chat.open();
  const page = await new AdminPage(admin).open();
  await page.user(bo.name).getByRole("button", { name: "Disable" }).click();
  const begun = Date.now();
  await expect.poll(() => bo.chat.closed, { intervals: [20] }).toBe(1);
  expect(Date.now() - begun).toBeLessThan(2_000);
  await expect(bo.page.getByRole("heading", { name: "Log in" })).toBeVisible();
});
