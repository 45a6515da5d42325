import { randomInt } from "node:crypto";
import { group, sendMessage } from "../../fixtures/api";
import { menu } from "../../fixtures/chat-page";
import { expect, test } from "../../fixtures/test";

test("a group is made, renamed, added to, taken from, handed over and left", async ({ newUser }) => {
  const [ann, bo, cy] = [await newUser("Ann"), await newUser("Bo"), await newUser("Cy")];
  const name = `Crew ${randomInt(1e9)}`;
  await bo.chat.open();
  await cy.chat.open();
  await ann.chat.open();
  await ann.chat.begin([bo.displayName, cy.displayName], name);
  await expect(bo.chat.row(name), "it appears at once").toBeVisible();
  await bo.chat.enter(name);
  await expect(bo.chat.log).toContainText(`${ann.displayName} created the group “${name}”`);
  await ann.chat.send("Welcome");
  await bo.chat.shows(["Welcome"]);

  // Renamed by its owner; nobody else is offered it.
  const details = ann.page.getByRole("dialog", { name: "Conversation details" });
  await bo.page.getByRole("button", { name: "Conversation details" }).click();
  await expect(bo.page.getByRole("button", { name: "Leave group" })).toBeVisible();
  await expect(bo.page.getByRole("button", { name: "Rename" })).toHaveCount(0);
  await bo.page.keyboard.press("Escape");
  await ann.page.getByRole("button", { name: "Conversation details" }).click();
  await expect(details.getByRole("heading", { name: "Members (3)" })).toBeVisible();
  await details.getByLabel("Group name").fill(`${name} II`);
  await details.getByRole("button", { name: "Rename" }).click();
  await expect(bo.page.getByRole("heading", { name: `${name} II`, level: 2 })).toBeVisible();
  await expect(bo.chat.log).toContainText(`${ann.displayName} renamed the group`);

  // Somebody is removed and sees nothing of it any more.
  await menu(details, `Change ${cy.displayName}`).click();
  await details.getByRole("button", { name: "Remove from group" }).click();
  await expect(cy.chat.row(name)).toHaveCount(0);
  await expect(details.getByRole("heading", { name: "Members (2)" })).toBeVisible();
  await ann.page.keyboard.press("Escape");
  await ann.chat.send("Just the two of us");
  await bo.chat.shows(["Welcome", "Just the two of us"]);

  // Added again, one sees what is said from then on.
  await ann.page.getByRole("button", { name: "Conversation details" }).click();
  await details.getByRole("button", { name: "Add people" }).click();
  await details.getByRole("searchbox", { name: "Search people" }).fill(cy.displayName);
  await details.getByRole("checkbox", { name: cy.displayName }).check();
  await details.getByRole("button", { name: "Add", exact: true }).click();
  await expect(details.getByRole("heading", { name: "Members (3)" })).toBeVisible();
  await cy.chat.enter(`${name} II`);

  // Handed over, then left.
  await menu(details, `Change ${bo.displayName}`).click();
  await details.getByRole("button", { name: "Make owner" }).click();
  await expect(details.getByRole("button", { name: "Rename" })).toHaveCount(0);
  await details.getByRole("button", { name: "Leave group" }).click();
  await details.getByRole("button", { name: "Leave", exact: true }).click();
  await expect(ann.chat.row(name)).toHaveCount(0);
  await expect(ann.page).toHaveURL(`${ann.door}/`);
  await expect(bo.chat.log).toContainText(`${ann.displayName} left`);
  await bo.chat.send("And then there were two");
  await expect(cy.chat.message("And then there were two")).toBeVisible();
  await expect(cy.chat.message("Just the two of us"), "not for those who were not there").toHaveCount(0);
});

test("nobody sees a conversation they are not in", async ({ newUser }) => {
  const [ann, bo, eve] = [await newUser("Ann"), await newUser("Bo"), await newUser("Eve")];
  const id = await group(ann, `Secret ${randomInt(1e9)}`, [bo]);
  await sendMessage(ann, { conversation: id }, "between us");
  await eve.chat.open(`/c/${id}`);
  await expect(eve.page.getByText("This conversation is not here.")).toBeVisible();
  expect(await eve.page.content()).not.toContain("between us");
  const request = eve.context.request;
  for (const answer of [
    await request.get(`${eve.door}/api/v1/conversations/${id}/changes`),
    await request.post(`${eve.door}/api/v1/messages`, { data: { conversation: id, text: "let me in" } }),
  ]) {
    expect(answer.status()).toBeGreaterThanOrEqual(400);
    expect(await answer.text()).not.toContain("between us");
  }
});
