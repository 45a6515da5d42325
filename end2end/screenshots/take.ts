import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContextOptions } from "@playwright/test";
import { group, sendMessage } from "../fixtures/api";
import { openDevice, PASSWORD, Person, postForm, type Opener } from "../fixtures/person";
import { expect, test } from "../fixtures/test";

const IMAGES = fileURLToPath(new URL("../../docs/images", import.meta.url));
/** A picture in a README is loaded by everyone who reads it. */
const MOST_BYTES = 150 * 1024;

const DESKTOP = { viewport: { width: 1120, height: 720 } };
const PHONE = { viewport: { width: 360, height: 720 } };

/** Who is in the pictures. */
const PEOPLE = ["Mira", "Jonas", "Priya", "Tomek", "Leila", "Oskar", "Nadia", "Felix"] as const;
type Name = (typeof PEOPLE)[number];

const HIKE: [Name, string][] = [
  ["Tomek", "So, Saturday! The forecast says sun until four ☀️"],
  ["Tomek", "I'd take the 8:12 train. We'd be at the lake before ten."],
  ["Leila", "8:12?! On a Saturday?"],
  ["Priya", "I'm in. I'll bring the big thermos and that lemon cake"],
  ["Mira", "For lemon cake I'd get up at five 🍋"],
  ["Jonas", "The path along the east shore is open again, I checked:\nhttps://trails.example/lake-loop"],
  ["Jonas", "14 km, and only one steep part"],
  ["Leila", "Fine, 8:12. But somebody has to call me at seven."],
  ["Mira", "I will. Twice 😄"],
];

test("takes the pictures", async ({ browser, newNode, watch }) => {
  mkdirSync(IMAGES, { recursive: true });
  const site = await newNode();
  const door = site.door(0);
  const open: Opener = (who, at, options) => openDevice(browser, watch, who, at, options);
  const people = new Map<Name, Person>();
  for (const displayName of PEOPLE) {
    const device = await open(displayName, door, DESKTOP);
    const name = displayName.toLowerCase();
    await postForm(device.context, door, "register", { name, display_name: displayName, password: PASSWORD });
    people.set(displayName, new Person(open, name, displayName, door, device));
  }
  const person = (name: Name): Person => {
    const found = people.get(name);
    if (found === undefined) throw new Error(`${name} is not here`);
    return found;
  };
  const mira = person("Mira");
  const say = (from: Name, to: Name, text: string): Promise<number> =>
    sendMessage(person(from), { to: person(to).name }, text);

  await say("Felix", "Mira", "Did the parcel arrive?");
  await say("Mira", "Felix", "This morning. Thank you!");
  const choir = await group(person("Nadia"), "Choir", [mira, person("Oskar"), person("Felix")]);
  await sendMessage(person("Nadia"), { conversation: choir }, "Rehearsal moves to Thursday, same place");
  await say("Oskar", "Mira", "I found the book you were looking for");
  const hike = await group(person("Tomek"), "Weekend hike", [mira, person("Priya"), person("Leila"), person("Jonas")]);
  await person("Priya").chat.open(`/c/${hike}`);
  await person("Leila").chat.open(`/c/${hike}`);
  await person("Jonas").chat.open(`/c/${hike}`);
  for (const [from, text] of HIKE) await sendMessage(person(from), { conversation: hike }, text);
  await say("Mira", "Leila", "Do you still have my rain jacket?");
  await say("Leila", "Mira", "I do! I'll bring it on Saturday");
  await say("Leila", "Mira", "And your gloves 🧤");

  const shoot = async (name: string, path: string, options: BrowserContextOptions): Promise<void> => {
    const { chat, page, context } = await mira.openDevice(options);
    await chat.open(path);
    if (path !== "/") {
      await expect(chat.message(HIKE.at(-1)?.[1] ?? "")).toBeVisible();
    }
    await chat.composer.or(chat.list).first().blur();
    const file = join(IMAGES, `${name}.png`);
    await page.screenshot({ path: file, animations: "disabled", caret: "hide" });
    expect(statSync(file).size, `bytes of ${name}`).toBeLessThanOrEqual(MOST_BYTES);
    await context.close();
  };
  for (const colorScheme of ["light", "dark"] as const) {
    await shoot(`desktop-${colorScheme}`, `/c/${hike}`, { ...DESKTOP, colorScheme });
    await shoot(`phone-list-${colorScheme}`, "/", { ...PHONE, colorScheme });
    await shoot(`phone-${colorScheme}`, `/c/${hike}`, { ...PHONE, colorScheme });
  }
  for (const { device } of people.values()) await device.close();
});
