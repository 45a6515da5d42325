import { sendMessage } from "../../fixtures/api";
import { menu } from "../../fixtures/chat-page";
import { PASSWORD, postForm } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";
import { BROKEN_LINE } from "../../fixtures/watch";

test("a session that is ended elsewhere is closed here, within two seconds", async ({ newUser, site }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  const other = await ann.openDevice({ door: site.door(1) });
  await other.chat.open(`/c/${id}`);
  await ann.page.goto(`${ann.door}/settings`);
  const ended = Date.now();
  await ann.page.getByRole("button", { name: "End all other sessions" }).click();
  await expect.poll(() => other.chat.closed, { intervals: [20] }).toBe(1);
  expect(Date.now() - ended, "milliseconds from the click").toBeLessThan(2_000);
  await expect(other.page).toHaveURL(/\/login\?next=/);
  await sendMessage(bo, { conversation: id }, "for your eyes only");
  await other.page.goto(`${other.door}/c/${id}`);
  await expect(other.page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await expect(other.page.getByText("for your eyes only")).toHaveCount(0);
});

test("who logs out leaves no draft and no address to the next one", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  await ann.chat.composer.fill("nobody's business");
  await menu(ann.page, `Account of ${ann.displayName}`).click();
  await ann.page.getByRole("button", { name: "Log out" }).click();
  await expect(ann.page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await expect(ann.page).toHaveURL(`${ann.door}/login`);
  const kept = await ann.page.evaluate(() => JSON.stringify(localStorage));
  expect(kept).not.toContain("nobody's business");
});

test("what waits to be sent is not sent in the name of who logs in meanwhile", async ({
  newUser,
  newProxy,
  site,
  watch,
}) => {
  watch.expect(BROKEN_LINE, "the line is cut");
  const proxy = await newProxy(site.door(0));
  const [ann, bo] = [await newUser("Ann", { door: proxy.url }), await newUser("Bo")];
  const id = await sendMessage(ann, { to: bo.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  proxy.refuse();
  proxy.cut();
  await ann.chat.send("Ann's own words");
  await ann.chat.receipt("Ann's own words", "Pending");

  // Bo logs in with Ann's browser, which has her page open. Cookies know no ports.
  await postForm(ann.context, site.door(0), "log_in", { name: bo.name, password: PASSWORD });
  proxy.heal();
  await expect(menu(ann.page, `Account of ${bo.displayName}`), "the page is Bo's now").toBeVisible({ timeout: 20_000 });
  await ann.chat.shows(["Hi"]);
  await bo.chat.open(`/c/${id}`);
  await bo.chat.shows(["Hi"]);

  // And they are still there for Ann. The page finds out by itself again: to go there would be in its way.
  await postForm(ann.context, site.door(0), "log_in", { name: ann.name, password: PASSWORD });
  await expect(menu(ann.page, `Account of ${ann.displayName}`), "the page is Ann's again").toBeVisible({ timeout: 20_000 });
  await ann.chat.live();
  await bo.chat.shows(["Hi", "Ann's own words"]);
});
