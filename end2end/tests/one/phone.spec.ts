import { sendMessage } from "../../fixtures/api";
import { isNotWider } from "../../fixtures/axe";
import { expect, test } from "../../fixtures/test";

for (const width of [320, 390]) {
  const phone = { viewport: { width, height: 640 }, hasTouch: true, isMobile: true };

  test(`${width} px wide there is one pane at a time, and a way back`, async ({ newUser }) => {
    const [ann, bo] = [await newUser("Ann", phone), await newUser("Bo")];
    const id = await sendMessage(bo, { to: ann.name }, "A first message that is long enough to need more than one line here");
    const { chat, page } = ann;
    await chat.open();
    await expect(chat.list).toBeVisible();
    await expect(chat.log).toBeHidden();
    await isNotWider(page, "the list");
    const row = await chat.row(bo.displayName).boundingBox();
    expect(row?.width, "the list has all the width").toBeGreaterThan(width * 0.8);

    await chat.row(bo.displayName).tap();
    await expect(page).toHaveURL(`${ann.door}/c/${id}`);
    await expect(chat.log).toBeVisible();
    await expect(chat.list).toBeHidden();
    await isNotWider(page, "the conversation");
    await chat.composer.fill("An answer");
    await page.getByRole("button", { name: "Send", exact: true }).tap();
    await expect(chat.message("An answer")).toBeInViewport();
    await expect(chat.composer).toBeInViewport({ ratio: 1 });

    await page.getByRole("button", { name: "Conversation details" }).tap();
    await expect(page.getByRole("dialog", { name: "Conversation details" })).toBeVisible();
    await isNotWider(page, "the details");
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).tap();

    await page.getByRole("button", { name: "Back to conversations" }).tap();
    await expect(page).toHaveURL(`${ann.door}/`);
    await expect(chat.list).toBeVisible();
    await expect(chat.log).toBeHidden();
    await page.goBack();
    await expect(chat.log).toBeVisible();
  });

  test(`${width} px are enough for every page`, async ({ newUser, newDevice }) => {
    const stranger = await newDevice(phone);
    for (const path of ["/login", "/register"]) {
      await stranger.page.goto(`${stranger.door}${path}`);
      await isNotWider(stranger.page, path);
    }
    const { page, door } = await newUser("Ann", phone);
    for (const path of ["/settings", "/console", "/api"]) {
      await page.goto(`${door}${path}`);
      await isNotWider(page, path);
    }
  });
}
