import { defineConfig } from "@playwright/test";
import { browser } from "../fixtures/browser";

/**
 * Takes the pictures of the README: `npm run screenshots`, after `cargo xtask build`. With a font for emoji (Debian's
 * fonts-noto-color-emoji), or they are boxes, and best with one that people have too (fonts-roboto-unhinted).
 */
export default defineConfig({
  testDir: ".",
  testMatch: "take.ts",
  outputDir: "../test-results",
  workers: 1,
  timeout: 120_000,
  reporter: [["list"]],
  use: { ...browser, timezoneId: "Europe/Berlin", locale: "en-GB" },
});
