import { expect, test } from "../../fixtures/test";

test("the API page describes every operation, and the document is there", async ({ newDevice }) => {
  const { page, door, context } = await newDevice();
  await page.goto(`${door}/api`);
  await expect(page.getByRole("heading", { name: "HTTP API", level: 1 })).toBeVisible();
  const prose = await page.locator("main p, main dd, main td").allInnerTexts();
  expect(prose.filter((text) => /\*\*|`/.test(text)), "Markdown is shown as it is meant").toEqual([]);
  await expect(page.getByRole("strong").filter({ hasText: "with the same key" })).toBeVisible();
  for (const path of ["/api/v1/messages", "/api/v1/unread/pull", "/api/v1/conversations"]) {
    await expect(page.getByRole("heading", { name: new RegExp(`${path}$`) }).first()).toBeVisible();
  }
  await expect(page.getByRole("region", { name: "Error codes" })).toContainText("not_a_member");
  const answer = await context.request.get(`${door}/api/v1/openapi.json`);
  expect(answer.status()).toBe(200);
  const document = (await answer.json()) as { openapi: string; paths: Record<string, object> };
  expect(document.openapi).toMatch(/^3\./);
  expect(Object.keys(document.paths)).toContain("/api/v1/messages");
});

test("what is refused by the API is a problem in JSON", async ({ newUser, newDevice }) => {
  const ann = await newUser("Ann");
  const url = `${ann.door}/api/v1/messages`;
  const refused = await ann.context.request.post(url, { data: { to: "nobody-has-this-name", text: "Hi" } });
  expect(refused.headers()["content-type"]).toMatch(/^application\/problem\+json/);
  expect(await refused.json()).toMatchObject({ code: "unknown_user", status: refused.status() });
  const stranger = await newDevice();
  const answer = await stranger.context.request.post(url, { data: { to: ann.name, text: "Hi" } });
  expect(answer.status()).toBe(401);
  expect(await answer.json()).toMatchObject({ code: "unauthorized" });
});

test("where there is nothing, a page says so", async ({ newDevice, watch }) => {
  watch.expect(/status of 404/, "a page that does not exist is asked for");
  const { page, door } = await newDevice();
  const answer = await page.goto(`${door}/nothing-is-here`);
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole("heading", { name: "Nobody on this line" })).toBeVisible();
  await page.getByRole("link", { name: "Go to your chats" }).click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
});

test("every answer has the headers that keep others out", async ({ newUser, newDevice }) => {
  const ann = await newUser("Ann");
  const stranger = await newDevice();
  for (const [context, path] of [
    [ann.context, "/"],
    [ann.context, "/settings"],
    [ann.context, "/console"],
    [ann.context, "/api"],
    [ann.context, "/api/v1/me"],
    [stranger.context, "/login"],
    [stranger.context, "/register"],
    [stranger.context, "/nothing-is-here"],
    [stranger.context, "/pkg/trunkline.js"],
  ] as const) {
    const headers = (await context.request.get(`${ann.door}${path}`)).headers();
    const policy = headers["content-security-policy"] ?? "";
    expect(policy, path).toContain("frame-ancestors 'none'");
    expect(policy, path).toMatch(/default-src '(none|self)'/);
    expect(policy, path).not.toContain("unsafe-inline");
    expect(policy.replaceAll("'wasm-unsafe-eval'", ""), path).not.toContain("unsafe-eval");
    expect(headers["x-content-type-options"], path).toBe("nosniff");
    expect(headers["referrer-policy"], path).toMatch(/^(same-origin|no-referrer|strict-origin)/);
    if (!path.startsWith("/pkg/")) expect(headers["cache-control"], path).toContain("no-store");
  }
});

test("a nonce is used once", async ({ newDevice }) => {
  const { context, door } = await newDevice();
  const nonce = async (): Promise<string | undefined> => {
    const policy = (await context.request.get(`${door}/login`)).headers()["content-security-policy"] ?? "";
    return /'nonce-([^']+)'/.exec(policy)?.[1];
  };
  const [first, second] = [await nonce(), await nonce()];
  expect(first?.length).toBeGreaterThanOrEqual(22);
  expect(first).not.toBe(second);
});

test("another site's page can neither post here nor open a socket", async ({ newUser }) => {
  const { context, door, page, chat } = await newUser("Ann");
  const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
  for (const path of ["/api/fn/log_out", "/api/v1/messages"]) {
    const answer = await context.request.post(`${door}${path}`, { headers: foreign, form: { to: "x", text: "x" } });
    expect(answer.status(), path).toBe(403);
  }
  const upgrade = await context.request.get(`${door}/ws`, {
    headers: {
      ...foreign,
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-protocol": "trunkline.v1",
    },
  });
  expect(upgrade.status()).toBe(403);
  await chat.open();
  await expect(page, "still logged in").toHaveURL(`${door}/`);
});

test("the page is there before its scripts are, and they take it over in silence", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  await ann.chat.open();
  await ann.chat.begin([bo.displayName]);
  await ann.chat.send("Rendered on the server");
  await ann.chat.receipt("Rendered on the server", "Sent");
  const path = new URL(ann.page.url()).pathname;
  const html = await (await ann.context.request.get(`${ann.door}${path}`)).text();
  expect(html).toContain("Rendered on the server");
  expect(html).toContain(bo.displayName);
  // The watch over every page sees hydration complain; going to each page is enough.
  for (const page of [path, "/", "/settings", "/console", "/api"]) {
    await ann.page.goto(`${ann.door}${page}`, { waitUntil: "networkidle" });
  }
});
