import { sendMessage } from "../../fixtures/api";
import { menu } from "../../fixtures/chat-page";
import { PASSWORD, postForm } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";

/** The close code of a session that has ended. */
const SESSION_ENDED = 4500;

test("a session that is ended elsewhere is closed here, within two seconds", async ({ newUser, newProxy, site }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  // The proxy hears when the server closes; a browser on a busy machine hears it later, and that was not promised.
  const proxy = await newProxy(site.door(1));
  const other = await ann.openDevice({ door: proxy.url });
  await other.chat.open(`/c/${id}`);
  const url = `${ann.door}/api/fn/end_other_sessions`;
  const answer = await ann.context.request.post(url, { headers: { accept: "text/html" }, maxRedirects: 0 });
  const ended = Date.now();
  expect(answer.status()).toBe(303);
  await expect.poll(() => proxy.closed.map(({ code }) => code)).toEqual([SESSION_ENDED]);
  expect((proxy.closed[0]?.at ?? Infinity) - ended, "milliseconds from the answer").toBeLessThan(2_000);
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
  badLine: { proxy, ann, bo, id },
  site,
}) => {
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
