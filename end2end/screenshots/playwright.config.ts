import { defineConfig } from "@playwright/test";
import { browser } from "../fixtures/browser";

/** Takes the pictures of the README: `npm run screenshots`, after `cargo xtask build --release`. */
export default defineConfig({
  testDir: ".",
  testMatch: "take.ts",
  outputDir: "../test-results",
  workers: 1,
  timeout: 120_000,
  reporter: [["list"]],
  use: { ...browser, timezoneId: "Europe/Berlin", locale: "en-GB" },
});
