import { AdminPage } from "../../fixtures/admin";
import { flaws, isNotWider } from "../../fixtures/axe";
import { PASSWORD } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";

test("an administrator finds accounts, disables and enables them, and ends sessions", async ({ newNode, newUser, watch }) => {
  watch.expect(/status of 401|WebSocket connection to '[^']*' failed/, "somebody is shut out");
  const site = await newNode();
  const [admin, bo, cy] = [await newUser("Ada", { site }), await newUser("Bo", { site }), await newUser("Cy", { site })];
  await bo.chat.open();
  await cy.chat.open();
  const page = await new AdminPage(admin).open();
  await expect(page.user(bo.name)).toContainText("Online");
  await admin.page.getByRole("searchbox", { name: "Search by name" }).fill(bo.name.toUpperCase());
  await admin.page.getByRole("button", { name: "Search" }).click();
  await expect(page.user(bo.name)).toBeVisible();
  await expect(page.user(cy.name)).toHaveCount(0);

  await page.user(bo.name).getByRole("button", { name: "Disable" }).click();
  await expect(admin.page.getByRole("status")).toContainText("The account was disabled");
  await expect(page.user(bo.name)).toContainText("Disabled");
  await expect(admin.page.getByRole("searchbox"), "still looking at the same").toHaveValue(bo.name.toUpperCase());
  await expect(bo.page.getByRole("heading", { name: "Log in" }), "out at once").toBeVisible();
  await bo.page.getByLabel("Name", { exact: true }).fill(bo.name);
  await bo.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await bo.page.getByRole("button", { name: "Log in" }).click();
  await expect(bo.page.getByText("The name or the password is wrong.")).toBeVisible();

  await page.user(bo.name).getByRole("button", { name: "Enable" }).click();
  await expect(admin.page.getByRole("status")).toContainText("The account was enabled.");
  await bo.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await bo.page.getByRole("button", { name: "Log in" }).click();
  await expect(bo.chat.list).toBeVisible();

  await admin.page.goto(`${admin.door}/admin`);
  await page.user(cy.name).getByRole("button", { name: "End sessions" }).click();
  await expect(cy.page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await expect(page.user(cy.name)).toContainText("0 sessions");
  await expect(page.user(admin.name).getByRole("button"), "not to oneself").toHaveCount(0);
});

test("it updates itself, and stops when told to", async ({ newNode, newUser }) => {
  const site = await newNode();
  const [admin, bo] = [await newUser("Ada", { site }), await newUser("Bo", { site })];
  const page = await new AdminPage(admin).open();
  const link = admin.page.getByRole("navigation", { name: "Site" }).getByRole("link", { name: "Admin" });
  await expect(link, "the navigation says where one is").toHaveAttribute("aria-current", "page");
  const node = page.node((await site.node.readiness())?.node ?? "none");
  await expect(node).toContainText("Healthy");
  await expect(node.getByRole("cell").nth(1), "connections").toHaveText("0");
  const region = admin.page.getByRole("region", { name: "Nodes" });
  await region.evaluate((element) => element.setAttribute("data-same", ""));
  await bo.chat.open();
  await expect(node.getByRole("cell").nth(1)).toHaveText("1");
  await expect(region, "the page was not loaded anew").toHaveAttribute("data-same", "");
  await admin.page.getByRole("button", { name: "Pause" }).click();
  await expect(admin.page.getByText(/^Paused. As of /)).toBeVisible();
  await admin.page.getByRole("button", { name: "Go on" }).click();
  await bo.page.goto("about:blank");
  await expect(node.getByRole("cell").nth(1)).toHaveText("0");
  await expect(admin.page.getByText("This page keeps itself up to date.")).toBeVisible();
});

test("a server that does not answer is said, and forgotten when it is back", async ({ newNode, newUser, watch }) => {
  watch.expect(/net::ERR_|WebSocket/, "the node is stopped");
  const site = await newNode();
  const admin = await newUser("Ada", { site });
  const page = await new AdminPage(admin).open();
  const before = (await site.node.readiness())?.node ?? "none";
  await site.node.kill();
  await expect(admin.page.getByText(/^The server does not answer. As of /)).toBeVisible();
  await expect(page.node(before), "what was known stays").toBeVisible();
  await site.node.restart();
  const after = (await site.node.readiness())?.node ?? "none";
  await expect(page.node(after)).toBeVisible();
  await expect(page.node(before)).toHaveCount(0);
});

test("for others there is nothing at the address", async ({ newNode, newUser, newDevice, watch }) => {
  watch.expect(/status of 404/, "a page that is not theirs is asked for");
  const site = await newNode();
  const [, bo] = [await newUser("Ada", { site }), await newUser("Bo", { site })];
  await bo.page.goto(`${bo.door}/settings`);
  await expect(bo.page.getByRole("link", { name: "Admin" })).toHaveCount(0);
  const answer = await bo.page.goto(`${bo.door}/admin`);
  expect(answer?.status()).toBe(404);
  await expect(bo.page.getByRole("heading", { name: "Nobody on this line" })).toBeVisible();
  const stranger = await newDevice({ site });
  await stranger.page.goto(`${stranger.door}/admin`);
  await expect(stranger.page.getByRole("heading", { name: "Log in" })).toBeVisible();
});

test("without scripts it is read and used", async ({ newNode, newUser, watch }) => {
  watch.expect(/requestfailed .*\.js csp$/, "a browser without scripts does not load them");
  const site = await newNode();
  const options = { site, javaScriptEnabled: false };
  const [admin, bo] = [await newUser("Ada", options), await newUser("Bo", { site })];
  await admin.page.goto(`${admin.door}/admin`);
  await expect(admin.page.getByText("Healthy")).toBeVisible();
  await admin.page.getByRole("button", { name: `Disable: ${bo.name}` }).click();
  await expect(admin.page.getByText("The account was disabled")).toBeVisible();
  await admin.page.getByRole("button", { name: `Enable: ${bo.name}` }).click();
  await expect(admin.page.getByText("The account was enabled.")).toBeVisible();
  await admin.page.getByRole("link", { name: "Refresh" }).click();
  await expect(admin.page.getByText("The account was enabled.")).toHaveCount(0);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`in ${colorScheme} colours axe finds nothing, and 320 px are enough`, async ({ newNode, newUser }) => {
    const site = await newNode();
    const phone = { viewport: { width: 320, height: 640 }, colorScheme, site };
    const [admin, bo] = [await newUser("Ada", phone), await newUser("Bo", { site })];
    const page = await new AdminPage(admin).open();
    await page.user(bo.name).getByRole("button", { name: "Disable" }).click();
    await expect(page.user(bo.name)).toContainText("Disabled");
    await isNotWider(admin.page, "/admin");
    expect(await flaws(admin.page)).toEqual([]);
  });
}
