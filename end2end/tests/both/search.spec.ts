import { sendMessage } from "../../fixtures/api";
import { expect, test } from "../../fixtures/test";

test("what was said on one node is found at once on the other, and leads to where it was said", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(ann, { to: bo.name }, "the tide turns at seven");
  for (let n = 0; n < 60; n++) await sendMessage(n % 2 === 0 ? ann : bo, { conversation: id }, `wave ${n}`);
  await sendMessage(ann, { conversation: id }, "no tide today");
  await bo.page.goto(`${bo.door}/search?q=tide`);
  const hits = bo.page.getByRole("main").getByRole("listitem");
  await expect(hits).toHaveText([/no tide today/, /the tide turns at seven/]);
  await hits.last().getByRole("link").click();
  await bo.chat.live();
  await expect(bo.chat.message("the tide turns at seven")).toBeInViewport();
  await ann.chat.open(`/c/${id}`);
  await ann.chat.send("come and see");
  await expect(bo.chat.message("come and see"), "the page is alive").toHaveCount(1);
  await expect(bo.chat.message("the tide turns at seven"), "and stays where it is").toBeInViewport();
});
