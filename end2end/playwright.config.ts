import { defineConfig } from "@playwright/test";
import { browser } from "./fixtures/browser";
import type { Options } from "./fixtures/test";

/**
 * Three ways to run Trunkline, as projects: `one-node` is a single process, `two-nodes` are two behind nginx with Redis
 * between them, and `three-nodes` is what `cargo xtask cluster` starts, with PostgreSQL. What people do with each other
 * runs on all of them (on three without what is about the browser alone); pages that no other node has a part in run on
 * one.
 */
export default defineConfig<object, Options>({
  testDir: "tests",
  outputDir: "test-results",
  // A failure is a failure: a test that passes only when it is tried again hides a fault.
  retries: 0,
  forbidOnly: process.env["CI"] !== undefined,
  workers: 2,
  fullyParallel: true,
  timeout: 60_000,
  // Twelve seconds is what delivery may take when every nudge is lost; without a fault it is far less.
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  use: { ...browser, screenshot: "only-on-failure", actionTimeout: 15_000 },
  projects: [
    { name: "one-node", testMatch: ["both/**/*.spec.ts", "one/**/*.spec.ts"], use: { topology: "one" } },
    { name: "two-nodes", testMatch: ["both/**/*.spec.ts", "two/**/*.spec.ts"], use: { topology: "two" } },
    {
      name: "three-nodes",
      testMatch: ["both/{chat,groups,search,sessions}.spec.ts", "three/**/*.spec.ts"],
      use: { topology: "three" },
    },
  ],
});
