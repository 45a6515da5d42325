import type { Page } from "@playwright/test";
import { menu } from "../../fixtures/chat-page";
import { PASSWORD, uniqueName } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";

async function fillIn(page: Page, name: string, password: string): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
}

async function register(page: Page, door: string, name: string): Promise<void> {
  await page.goto(`${door}/register`);
  await fillIn(page, name, PASSWORD);
  await page.getByLabel("Display name").fill(`Ms ${name}`);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByRole("navigation", { name: "Conversations" })).toBeVisible();
}

test("one registers, is let in, logs out, and logs in again", async ({ newDevice }) => {
  const { page, door, chat } = await newDevice();
  const name = uniqueName("rita");
  await register(page, door, name);
  await chat.live();
  await menu(page, `Account of Ms ${name}`).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();

  await page.goto(`${door}/`);
  await expect(page, "nobody is logged in any more").toHaveURL(/\/login$/);

  await fillIn(page, name, PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page).toHaveURL(`${door}/`);
  await chat.live();
});

test("a wrong password and an unknown name get the same answer", async ({ newUser, newDevice }) => {
  const somebody = await newUser("Sam");
  const { page, door } = await newDevice();
  const answers: string[] = [];
  for (const name of [somebody.name, uniqueName("nobody")]) {
    await page.goto(`${door}/login`);
    await fillIn(page, name, "not the password");
    await page.getByRole("button", { name: "Log in" }).click();
    const alert = page.getByRole("alert");
    await expect(alert).not.toBeEmpty();
    answers.push(await alert.innerText());
    await expect(page.getByLabel("Name", { exact: true }), "what was typed is still there").toHaveValue(name);
  }
  expect(answers[0]).toBe(answers[1]);
});

test("a link to a conversation leads there after logging in", async ({ newUser, newDevice }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  await ann.chat.open();
  await ann.chat.begin([bo.displayName]);
  const path = new URL(ann.page.url()).pathname;
  expect(path).toMatch(/^\/c\/\d+$/);

  const { page, door, chat } = await newDevice();
  await page.goto(`${door}${path}`);
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await fillIn(page, bo.name, PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page).toHaveURL(`${door}${path}`);
  await expect(page.getByRole("heading", { name: ann.displayName, level: 2 })).toBeVisible();
  await chat.live();
});

test("a link to another site leads home after logging in", async ({ newUser, newDevice }) => {
  const somebody = await newUser("Sam");
  const { page, door } = await newDevice();
  await page.goto(`${door}/login?next=//evil.example/`);
  await fillIn(page, somebody.name, PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page).toHaveURL(`${door}/`);
});

test("a form that is refused says why, at the field", async ({ newUser, newDevice }) => {
  const somebody = await newUser("Sam");
  const { page, door } = await newDevice();
  await page.goto(`${door}/register`);
  await fillIn(page, somebody.name, "short");
  await page.getByRole("button", { name: "Create account" }).click();
  const password = page.getByLabel("Password", { exact: true });
  await expect(password).toHaveAccessibleDescription(/at least 8 characters/i);
  await expect(password).toHaveAttribute("aria-invalid", "true");
  await expect(password).toBeFocused();

  await password.fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  const name = page.getByLabel("Name", { exact: true });
  await expect(name).toHaveAttribute("aria-invalid", "true");
  await expect(name).toHaveAccessibleDescription(/name/i);
  await expect(name).toHaveValue(somebody.name);
  await expect(page).toHaveURL(`${door}/register`);
});

test("who guesses passwords has to wait, with the right one too", async ({ newUser, newDevice }) => {
  const somebody = await newUser("Sam");
  const { context, door } = await newDevice();
  const guess = async (password: string): Promise<string> => {
    const answer = await context.request.post(`${door}/api/fn/log_in`, {
      form: { name: somebody.name, password },
    });
    return answer.text();
  };
  for (let tries = 0; tries < 10; tries++) expect(await guess("not the password")).toContain("The name or the password is wrong.");
  expect(await guess("not the password")).toContain("Too many tries.");
  expect(await guess(PASSWORD)).toContain("Too many tries.");
  expect((await context.cookies()).map(({ name }) => name)).not.toContain("trunkline");
});

test("who is logged in already is sent on from the login page", async ({ newUser }) => {
  const { page, door } = await newUser("Ina");
  for (const path of ["/login", "/register"]) {
    await page.goto(`${door}${path}`);
    await expect(page).toHaveURL(`${door}/`);
  }
});

test("a double click sends a form once", async ({ newDevice }) => {
  const { page, door, chat } = await newDevice();
  await page.goto(`${door}/register`);
  // The form is alive once its password can be shown.
  await expect(page.getByRole("button", { name: "Show password" })).toBeVisible();
  await fillIn(page, uniqueName("dora"), PASSWORD);
  await page.getByRole("button", { name: "Create account" }).dblclick();
  await chat.live();
});

test("the session's cookie is kept from scripts and from other sites", async ({ newUser }) => {
  const { context } = await newUser("Cora");
  const cookie = (await context.cookies()).find(({ name }) => name === "trunkline");
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Lax", path: "/" });
  expect(cookie?.value.length, "128 bits at least").toBeGreaterThanOrEqual(22);
});
