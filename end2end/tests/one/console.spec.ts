import { sendMessage } from "../../fixtures/api";
import { expect, test } from "../../fixtures/test";

test("the console connects, sends, logs, filters, pauses, copies, and pulls what is unread", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann", { permissions: ["clipboard-read", "clipboard-write"] }), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "unread until read");
  const { page, door } = ann;
  await page.goto(`${door}/console`);
  const log = page.getByRole("log", { name: "Frames" });
  const state = page.getByRole("status").filter({ hasText: /connect|open|closed/i });
  const disconnect = page.getByRole("button", { name: "Disconnect" });
  await expect(page.getByLabel("Target")).toHaveValue(`${door.replace("http", "ws")}/ws`);
  await expect(disconnect).toBeDisabled();

  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(log).toContainText("hello");
  await expect(log).toContainText("welcome");
  await expect(disconnect).toBeEnabled();
  await expect(state).toBeVisible();

  // A message over HTTP, to somebody by name.
  await page.getByLabel("Receiver").fill(bo.name);
  await page.getByLabel("Message", { exact: true }).fill("from the console");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(log).toContainText("POST /api/v1/messages");
  await expect(log).toContainText("HTTP 201");
  await expect(log, "the socket tells of it as well").toContainText("from the console");
  await bo.chat.open(`/c/${id}`);
  await bo.chat.shows(["unread until read", "from the console"]);

  // Unread, twice: pulling takes nothing away.
  for (let times = 1; times <= 2; times++) {
    await page.getByRole("button", { name: "Pull unread" }).click();
    const answer = log.locator("details").filter({ hasText: "HTTP 200" }).nth(times - 1);
    await answer.locator("summary").click();
    await expect(answer.locator("pre")).toContainText("unread until read");
  }

  // A frame written by hand, and one that is no frame.
  await page.getByLabel("Template").selectOption("ping");
  await expect(page.getByLabel("Frame", { exact: true })).toHaveValue(/"type":"ping"/);
  await page.getByRole("button", { name: "Send frame" }).click();
  await expect(log).toContainText("pong");
  await page.getByLabel("Frame", { exact: true }).fill("this is no JSON");
  await page.getByRole("button", { name: "Send frame" }).click();
  await expect(log).toContainText("bad_frame");

  // The filter.
  const rows = log.locator("details");
  const all = await rows.count();
  await page.getByLabel("Filter").fill("PONG");
  await expect(rows).toHaveCount(1);
  await rows.first().locator("summary").click();
  await expect(rows.first().locator("pre")).toContainText('"type":"pong"');
  await page.getByRole("button", { name: "Copy" }).click();
  await expect(page.getByText("Copied")).toBeVisible();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied.trim().split("\n")).toHaveLength(1);
  expect(copied).toMatch(/^\d\d:\d\d:\d\d\.\d{3}\treceived\tpong\t/);
  await page.getByLabel("Filter").fill("");
  await expect(rows).toHaveCount(all);

  // While it is paused the view stands still, and nothing is lost.
  await page.getByRole("button", { name: "Pause" }).click();
  await sendMessage(bo, { conversation: id }, "during the pause");
  await expect(page.getByText(/\d+ waiting/)).toBeVisible();
  await expect(log).not.toContainText("during the pause");
  await page.getByRole("button", { name: "Resume" }).click();
  await rows.filter({ hasText: "change" }).last().locator("summary").click();
  await expect(log).toContainText("during the pause");

  await disconnect.click();
  await expect(log).toContainText("closed");
  await expect(page.getByRole("button", { name: "Connect", exact: true })).toBeEnabled();
  await page.getByRole("button", { name: "Clear" }).click();
  await expect(rows).toHaveCount(0);
});

test("the console says why a session without a login is refused", async ({ newDevice }) => {
  const { page, door } = await newDevice();
  await page.goto(`${door}/console`);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(page.getByRole("log", { name: "Frames" })).toContainText("4500");
});
