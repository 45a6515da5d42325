import type { Page } from "@playwright/test";
import { expect, test } from "../../fixtures/test";

/** How bright the page's background is, 0 to 255. */
function brightness(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d");
    if (canvas === null) return Number.NaN;
    for (const box of [document.documentElement, document.body]) {
      canvas.fillStyle = getComputedStyle(box).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [red = 0, green = 0, blue = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return (red + green + blue) / 3;
  });
}

test("the colours are the system's", async ({ newDevice }) => {
  const { page, door } = await newDevice({ colorScheme: "light" });
  await page.goto(`${door}/login`);
  expect(await brightness(page)).toBeGreaterThan(180);
  await page.emulateMedia({ colorScheme: "dark" });
  await expect.poll(() => brightness(page)).toBeLessThan(70);
});

test("a choice wins over the system, at once and on every page to come", async ({ newUser }) => {
  const { page, door, chat } = await newUser("Theo", { colorScheme: "light" });
  await page.goto(`${door}/settings`);
  const themes = page.getByRole("group", { name: "Theme" });
  await expect(themes.getByRole("button", { name: "System" })).toHaveAttribute("aria-pressed", "true");
  const stored = page.waitForResponse((response) => response.url().includes("/api/fn/set_theme"));
  await themes.getByRole("button", { name: "Dark" }).click();
  await expect(themes.getByRole("button", { name: "Dark" })).toHaveAttribute("aria-pressed", "true");
  await expect.poll(() => brightness(page)).toBeLessThan(70);
  await stored;

  await chat.open();
  expect(await brightness(page), "the chat too").toBeLessThan(70);
  await page.goto(`${door}/settings`);
  await expect(themes.getByRole("button", { name: "Dark" })).toHaveAttribute("aria-pressed", "true");
  await themes.getByRole("button", { name: "System" }).click();
  await expect.poll(() => brightness(page)).toBeGreaterThan(180);
});
