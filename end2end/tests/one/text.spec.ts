import { sendMessage } from "../../fixtures/api";
import { expect, test } from "../../fixtures/test";

test("links are offered for http, https and mailto only", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const texts = [
    "see https://example.org/a?b=c#d and http://example.org.",
    "write to mailto:ann@example.org or bo@example.org",
    "not javascript:alert(document.cookie) nor data:text/html,<b>x</b> nor vbscript:x nor file:///etc/passwd",
  ];
  let id = 0;
  for (const text of texts) id = await sendMessage(bo, { to: ann.name }, text);
  await ann.chat.open(`/c/${id}`);
  await ann.chat.shows(texts);
  const links = ann.chat.log.getByRole("link");
  const targets = await links.evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  expect(targets).toEqual([
    "https://example.org/a?b=c#d",
    "http://example.org",
    "mailto:ann@example.org",
    "mailto:bo@example.org",
  ]);
  for (const link of await links.all()) {
    await expect(link).toHaveAttribute("rel", /noopener/);
    await expect(link).toHaveAttribute("target", "_blank");
  }
});

test("markup is shown as text, from the server and from the socket", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const texts = [
    `<img src=x onerror="document.title='broken in'">`,
    "<script>document.title = 'broken in'</script>",
    "</textarea></p><h1>big</h1>&lt;&amp;&quot;",
    "</script><script>document.title='broken in'</script><!--",
  ];
  let id = 0;
  for (const text of texts) id = await sendMessage(bo, { to: ann.name }, text);
  await ann.chat.open(`/c/${id}`);
  await ann.chat.shows(texts);
  await sendMessage(bo, { conversation: id }, texts[0] ?? "");
  await ann.chat.shows([...texts, texts[0] ?? ""]);
  await expect(ann.page).toHaveTitle(`${bo.displayName} – Trunkline`);
  await expect(ann.chat.log.locator("img, script, h1")).toHaveCount(0);
  // As a draft it comes back after a reload, into the field and nowhere else.
  await ann.chat.composer.fill(texts[2] ?? "");
  await ann.page.reload();
  await ann.chat.live();
  await expect(ann.chat.composer).toHaveValue(texts[2] ?? "");
});

test("line breaks, emoji and right-to-left text arrive as they were sent", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  await bo.chat.open(`/c/${id}`);
  const texts = ["first line\nsecond line\n\n    fourth, indented", "👩‍👩‍👧‍👦🇪🇺👍🏽", "שלום עולם, מה שלומך?", "مرحبا بالعالم", "你好，世界 — naïve café"];
  for (const text of texts) await bo.chat.send(text);
  await ann.chat.shows(["Hi", ...texts]);

  const box = async (text: string): Promise<{ x: number; width: number; height: number }> => {
    const found = await ann.chat.messages.locator(".message__text").filter({ hasText: text }).boundingBox();
    if (found === null) throw new Error(`${text} is not there`);
    return found;
  };
  expect((await box("second line")).height, "four lines are higher than one").toBeGreaterThan(3 * (await box("Hi")).height);
  const direction = (text: string): Promise<string> =>
    ann.chat.message(text).locator(".message__text").evaluate((line) => getComputedStyle(line).direction);
  expect(await direction("שלום עולם, מה שלומך?")).toBe("rtl");
  expect(await direction("مرحبا بالعالم")).toBe("rtl");
  expect(await direction("Hi")).toBe("ltr");
});

test("a long word does not widen the page", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "x".repeat(3_000));
  await ann.chat.open(`/c/${id}`);
  const wider = await ann.page.evaluate(() => {
    const log = document.querySelector("[role=log]");
    return [document.documentElement, log].map((box) => (box === null ? 1 : box.scrollWidth - box.clientWidth));
  });
  expect(wider).toEqual([0, 0]);
});

test("a message may have 4,000 characters and not one more", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  await ann.chat.open(`/c/${id}`);
  const send = ann.page.getByRole("button", { name: "Send", exact: true });
  await ann.chat.composer.fill("🎈".repeat(4_001));
  await expect(send).toBeDisabled();
  await expect(ann.chat.composer).toHaveAttribute("aria-invalid", "true");
  await expect(ann.chat.composer).toHaveAccessibleDescription(/1/);
  await ann.chat.composer.press("Enter");
  await expect(ann.chat.composer).not.toHaveValue("");
  const text = "🎈".repeat(4_000);
  await ann.chat.composer.fill(text);
  await send.click();
  await ann.chat.shows(["Hi", text]);
  await ann.chat.receipt(text, "Sent");
});

test("times are in the reader's zone, and days are told apart", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann", { timezoneId: "Asia/Tokyo" }), await newUser("Bo", { timezoneId: "UTC" })];
  const id = await sendMessage(bo, { to: ann.name }, "What time is it?");
  const shown: string[] = [];
  for (const { chat } of [ann, bo]) {
    await chat.open(`/c/${id}`);
    await expect(chat.log.getByRole("heading", { level: 3 })).toHaveText("Today");
    shown.push(await chat.message("What time is it?").locator("time").innerText());
  }
  const minutes = shown.map((time) => {
    const [hour = 0, minute = 0] = time.split(":").map(Number);
    return hour * 60 + minute;
  });
  expect(((minutes[0] ?? 0) - (minutes[1] ?? 0) + 1440) % 1440, "Tokyo is nine hours ahead").toBe(540);
});
