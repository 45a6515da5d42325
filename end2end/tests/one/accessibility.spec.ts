import { addMember, group, sendMessage } from "../../fixtures/api";
import { flaws } from "../../fixtures/axe";
import { expect, test } from "../../fixtures/test";

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(`in ${colorScheme} colours axe finds nothing`, () => {
    test("on the pages for strangers", async ({ newDevice }) => {
      const { page, door } = await newDevice({ colorScheme });
      for (const path of ["/login", "/register"]) {
        await page.goto(`${door}${path}`);
        await expect(page.getByRole("button", { name: "Show password" })).toBeVisible();
        expect(await flaws(page), path).toEqual([]);
      }
      await page.getByRole("button", { name: "Create account" }).click();
      await expect(page.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
      expect(await flaws(page), "a form that was refused").toEqual([]);
    });

    test("on settings, console, API and where there is nothing", async ({ newDevice, newUser, watch }) => {
      watch.expect(/status of 404/, "a page that does not exist is asked for");
      const { page, door } = await newUser("Axel", { colorScheme });
      await page.goto(`${door}/settings`);
      await page.getByLabel("Token label").fill("a script");
      await page.getByRole("button", { name: "Create token" }).click();
      await expect(page.getByLabel("New token")).toBeVisible();
      expect(await flaws(page), "/settings").toEqual([]);
      await page.goto(`${door}/console`);
      await page.getByRole("button", { name: "Connect", exact: true }).click();
      await expect(page.getByRole("log", { name: "Frames" })).toContainText("welcome");
      expect(await flaws(page), "/console").toEqual([]);
      await page.goto(`${door}/api`);
      expect(await flaws(page), "/api").toEqual([]);
      const stranger = await newDevice({ colorScheme });
      await stranger.page.goto(`${door}/nothing-is-here`);
      expect(await flaws(stranger.page), "where there is nothing").toEqual([]);
    });

    test("in the chat and its dialogs", async ({ newUser }) => {
      const [ann, bo, cy] = [await newUser("Ann", { colorScheme }), await newUser("Bo"), await newUser("Cy")];
      const { chat, page } = ann;
      await chat.open();
      expect(await flaws(page), "an empty list").toEqual([]);

      const talk = await sendMessage(bo, { to: ann.name }, "See https://example.org 🎉");
      await sendMessage(ann, { conversation: talk }, "I have");
      const id = await group(ann, "Axe throwers", [bo]);
      await addMember(ann, id, cy);
      await sendMessage(cy, { conversation: id }, "Is it safe?");
      await sendMessage(bo, { conversation: talk }, "Good.");
      await expect(chat.row(bo.displayName)).toContainText("2 unread messages");
      expect(await flaws(page), "the list").toEqual([]);

      await chat.enter(bo.displayName);
      await chat.composer.fill("Hm, ");
      expect(await flaws(page), "a conversation of two").toEqual([]);
      await chat.enter("Axe throwers");
      await chat.send("It is.");
      await chat.receipt("It is.", "Sent");
      expect(await flaws(page), "a group").toEqual([]);
      await chat.composer.fill("x".repeat(4_001));
      expect(await flaws(page), "too long a message").toEqual([]);
      await chat.composer.fill("");

      await page.getByRole("button", { name: "Conversation details" }).click();
      await expect(page.getByRole("dialog", { name: "Conversation details" })).toBeVisible();
      expect(await flaws(page), "the details").toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "New conversation" }).click();
      const dialog = page.getByRole("dialog", { name: "New conversation" });
      await dialog.getByRole("searchbox", { name: "Search people" }).fill(bo.displayName);
      await dialog.getByRole("checkbox", { name: bo.displayName }).check();
      expect(await flaws(page), "a new conversation").toEqual([]);
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+K");
      await expect(page.getByRole("dialog", { name: "Switch conversation" })).toBeVisible();
      expect(await flaws(page), "the switcher").toEqual([]);
      await page.keyboard.press("Escape");

      await page.goto(`${ann.door}/c/999999999`);
      await chat.live();
      await expect(page.getByText("This conversation is not here.")).toBeVisible();
      expect(await flaws(page), "no such conversation").toEqual([]);
    });
  });
}

test("without a line axe finds nothing either", async ({ newUser, newProxy, site, watch }) => {
  watch.expect(/WebSocket connection to '[^']*' failed/, "the line is cut");
  const proxy = await newProxy(site.door(0));
  const ann = await newUser("Ann", { door: proxy.url });
  const bo = await newUser("Bo");
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  proxy.refuse();
  proxy.cut();
  await ann.chat.send("Kept");
  await expect(ann.chat.banner).toContainText("Reconnecting");
  expect(await flaws(ann.page)).toEqual([]);
});
