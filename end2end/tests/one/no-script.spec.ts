import { sendMessage } from "../../fixtures/api";
import { PASSWORD, uniqueName } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";

const WITHOUT = { javaScriptEnabled: false };

test.beforeEach(({ watch }) => {
  watch.expect(/requestfailed .*\.js csp$/, "a browser without scripts does not load them");
});

test("without scripts one registers, logs out and logs in", async ({ newDevice }) => {
  const { page, door } = await newDevice(WITHOUT);
  const name = uniqueName("nora");
  await page.goto(`${door}/register`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByLabel("Password", { exact: true })).toHaveAccessibleDescription(/at least 8 characters/i);
  await expect(page.getByLabel("Name", { exact: true }), "what was typed is still there").toHaveValue(name);
  expect(page.url(), "no password in an address").not.toContain("short");

  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByRole("navigation", { name: "Conversations" })).toBeVisible();

  await page.goto(`${door}/settings`);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("navigation", { name: "Conversations" })).toBeVisible();
});

test("without scripts one reads the list and the open conversation", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo", WITHOUT)];
  const id = await sendMessage(ann, { to: bo.name }, "Can you read this?");
  await sendMessage(ann, { to: bo.name }, "And this?");
  await bo.page.goto(`${bo.door}/`);
  await expect(bo.chat.row(ann.displayName)).toContainText("And this?");
  await expect(bo.chat.row(ann.displayName)).toContainText("2 unread messages");
  await bo.chat.row(ann.displayName).click();
  await expect(bo.page).toHaveURL(`${bo.door}/c/${id}`);
  expect(await bo.chat.texts()).toEqual(["Can you read this?", "And this?"]);
  await expect(bo.chat.message("And this?"), "in the reader's eye, not only in the source").toBeVisible();
});

test("without scripts the settings can be changed", async ({ newUser }) => {
  const { page, door } = await newUser("Nele", WITHOUT);
  await page.goto(`${door}/settings`);
  await page.getByLabel("Display name").fill("Nele the Second");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Your display name was changed.")).toBeVisible();
  await expect(page.getByLabel("Display name")).toHaveValue("Nele the Second");

  await page.getByLabel("Token label").fill("a script");
  await page.getByRole("button", { name: "Create token" }).click();
  await expect(page.getByLabel("New token")).toHaveValue(/.{20,}/);
  await page.getByRole("button", { name: "Revoke a script" }).click();
  await expect(page.getByText("The token was revoked.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Revoke a script" })).toHaveCount(0);

  await page.getByRole("group", { name: "Theme" }).getByRole("button", { name: "Dark" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});
