import { sendMessage } from "../../fixtures/api";
import { PASSWORD, postForm, uniqueName } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";

test("a new display name is seen by others, in a page that is open and in one that is loaded", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(ann, { to: bo.name }, "Hi");
  const other = await bo.openDevice();
  await other.chat.open(`/c/${id}`);
  await ann.page.goto(`${ann.door}/settings`);
  const field = ann.page.getByLabel("Display name");
  await field.fill("");
  await ann.page.getByRole("button", { name: "Save" }).click();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  const name = `Anna ${ann.name}`;
  await field.fill(name);
  await ann.page.getByRole("button", { name: "Save" }).click();
  await expect(ann.page.getByText("Your display name was changed.")).toBeVisible();
  await expect(other.page.getByRole("heading", { name, level: 2 })).toBeVisible();
  await expect(other.chat.row(name)).toBeVisible();
  await bo.chat.open(`/c/${id}`);
  await expect(bo.page.getByRole("heading", { name, level: 2 })).toBeVisible();
  await expect(bo.chat.row(name)).toBeVisible();
});

test("a new password ends all other sessions, and is the one that counts", async ({ newUser, newDevice }) => {
  const ann = await newUser("Ann");
  const other = await ann.openDevice();
  await other.chat.open();
  const { page, door } = ann;
  await page.goto(`${door}/settings`);
  const panel = page.getByRole("region", { name: "Password" });
  await panel.getByLabel("Current password", { exact: true }).fill("not the password");
  await panel.getByLabel("New password", { exact: true }).fill("a new and longer password");
  await panel.getByRole("button", { name: "Change password" }).click();
  await expect(panel.getByLabel("Current password", { exact: true })).toHaveAttribute("aria-invalid", "true");

  await panel.getByLabel("Current password", { exact: true }).fill(PASSWORD);
  await panel.getByLabel("New password", { exact: true }).fill("a new and longer password");
  await panel.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Your password was changed. All other sessions and all access tokens were ended.")).toBeVisible();
  await expect(other.page).toHaveURL(/\/login/);
  await ann.chat.open();

  const fresh = await newDevice();
  await expect(postForm(fresh.context, door, "log_in", { name: ann.name, password: PASSWORD })).rejects.toThrow();
  await postForm(fresh.context, door, "log_in", { name: ann.name, password: "a new and longer password" });
  await fresh.chat.open();
});

test("the sessions are listed by device, and one can be ended", async ({ newUser }) => {
  const ann = await newUser("Ann");
  const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
  const other = await ann.openDevice({ userAgent });
  await other.chat.open();
  const { page, door } = ann;
  await page.goto(`${door}/settings`);
  const sessions = page.getByRole("region", { name: "Sessions" }).getByRole("listitem");
  await expect(sessions).toHaveCount(2);
  await expect(sessions.filter({ hasText: "This device" })).toHaveCount(1);
  await expect(sessions.filter({ hasText: "Firefox on Linux" })).toContainText("Last used");
  await page.getByRole("button", { name: "End session on Firefox on Linux" }).click();
  await expect(page.getByText("The session was ended.")).toBeVisible();
  await expect(sessions).toHaveCount(1);
  await expect(other.page).toHaveURL(/\/login/);
});

test("a token is shown once, opens the API, and is closed when it is revoked", async ({ newUser, newDevice }) => {
  const ann = await newUser("Ann");
  const { page, door } = ann;
  await page.goto(`${door}/settings`);
  await page.getByRole("button", { name: "Create token" }).click();
  await expect(page.getByLabel("Token label")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Token label").fill("backup script");
  await page.getByRole("button", { name: "Create token" }).click();
  const secret = await page.getByLabel("New token").inputValue();
  expect(secret.length).toBeGreaterThanOrEqual(22);

  const program = await newDevice();
  const ask = (): Promise<number> =>
    program.context.request
      .get(`${door}/api/v1/me`, { headers: { authorization: `Bearer ${secret}` } })
      .then((answer) => answer.status());
  expect(await ask()).toBe(200);
  await page.reload();
  await expect(page.getByLabel("New token")).toHaveCount(0);
  expect(await page.content(), "it is not shown again").not.toContain(secret);
  await page.getByRole("button", { name: "Revoke backup script" }).click();
  await expect(page.getByText("The token was revoked.")).toBeVisible();
  expect(await ask()).toBe(401);
});

test("the first account invites; who is invited may register, others may not", async ({ newNode, newUser, newDevice }) => {
  const site = await newNode(["--registration", "invite"]);
  const admin = await newUser("Ada", { site });
  await admin.page.goto(`${admin.door}/settings`);
  await admin.page.getByRole("button", { name: "Create invite link" }).click();
  const link = await admin.page.getByLabel("Invite link").inputValue();
  expect(link).toMatch(new RegExp(`^${admin.door}/register\\?invite=.{20,}`));

  const stranger = await newDevice({ site });
  await stranger.page.goto(`${stranger.door}/register`);
  await expect(stranger.page.getByText("Accounts on this server are by invitation.")).toBeVisible();
  await stranger.page.goto(`${stranger.door}/register?invite=made-up-made-up-made-up`);
  await expect(stranger.page.getByText("used up or has expired")).toBeVisible();
  const form = { name: uniqueName("mallory"), display_name: "", password: PASSWORD };
  await expect(postForm(stranger.context, stranger.door, "register", form)).rejects.toThrow();

  await stranger.page.goto(link);
  await expect(stranger.page.getByText("You are invited.")).toBeVisible();
  await stranger.page.getByLabel("Name", { exact: true }).fill(uniqueName("guest"));
  await stranger.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await stranger.page.getByRole("button", { name: "Create account" }).click();
  await stranger.chat.live();
  await stranger.page.goto(`${stranger.door}/settings`);
  await expect(stranger.page.getByRole("heading", { name: "Sessions" })).toBeVisible();
  await expect(stranger.page.getByRole("button", { name: "Create invite link" }), "only for administrators").toHaveCount(0);
});

test("closed registration lets the first account in and nobody after", async ({ newNode, newDevice, newUser }) => {
  const site = await newNode(["--registration", "closed"]);
  const first = await newDevice({ site });
  await first.page.goto(`${first.door}/register`);
  await expect(first.page.getByText("You are the first")).toBeVisible();
  await newUser("Ada", { site });
  await first.page.reload();
  await expect(first.page.getByText("New accounts are closed on this server.")).toBeVisible();
  const form = { name: uniqueName("mallory"), display_name: "", password: PASSWORD };
  await expect(postForm(first.context, first.door, "register", form)).rejects.toThrow();
});
