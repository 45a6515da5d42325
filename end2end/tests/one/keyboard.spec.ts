import { direct, sendMessage } from "../../fixtures/api";
import { expect, test } from "../../fixtures/test";

test("Enter sends, Shift+Enter breaks the line", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await direct(ann, bo);
  const { chat, page } = ann;
  await chat.open(`/c/${id}`);
  await expect(chat.composer, "one can write at once").toBeFocused();
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  await expect(chat.composer).toHaveValue("one\ntwo");
  await page.keyboard.press("Enter");
  await chat.shows(["one\ntwo"]);
  await expect(chat.composer).toHaveValue("");
  await expect(chat.composer).toBeFocused();
  await page.keyboard.type("   ");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("three");
  await page.keyboard.press("Enter");
  await chat.shows(["one\ntwo", "three"]);
});

test("Ctrl+K switches the conversation, with arrows, Enter and Escape", async ({ newUser }) => {
  const [ann, bo, cy, di] = [await newUser("Ann"), await newUser("Bo"), await newUser("Cy"), await newUser("Di")];
  for (const person of [bo, cy, di]) await sendMessage(person, { to: ann.name }, `from ${person.displayName}`);
  const { chat, page } = ann;
  await chat.open();
  const dialog = page.getByRole("dialog", { name: "Switch conversation" });

  await page.keyboard.press("Control+K");
  await expect(dialog).toBeVisible();
  const field = dialog.getByRole("combobox", { name: "Conversation" });
  await expect(field).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();

  for (let again = 0; again < 10; again += 1) {
    await page.keyboard.press("Control+K");
    await expect(field).toBeFocused();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+K");
    await expect(field, "a key pressed right after Escape opens it again").toBeFocused();
    await page.keyboard.press("Control+K");
    await expect(dialog).toBeHidden();
  }

  await page.keyboard.press("Meta+K");
  await expect(field).toBeFocused();
  await page.keyboard.type(bo.displayName);
  await expect(dialog.getByRole("option")).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("heading", { name: bo.displayName, level: 2 })).toBeVisible();
  await expect(chat.composer).toBeFocused();

  await page.keyboard.press("Control+K");
  const options = dialog.getByRole("option");
  await expect(options).toHaveCount(3);
  await expect(options.nth(0)).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("ArrowDown");
  await expect(options.nth(1)).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await expect(options.nth(2)).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("ArrowDown");
  await expect(options.nth(0)).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: di.displayName, level: 2 })).toBeVisible();
});

test("arrows move in the list of conversations", async ({ newUser }) => {
  const [ann, bo, cy, di] = [await newUser("Ann"), await newUser("Bo"), await newUser("Cy"), await newUser("Di")];
  for (const person of [bo, cy, di]) await sendMessage(person, { to: ann.name }, "Hi");
  const { chat, page } = ann;
  await chat.open();
  await page.getByRole("searchbox", { name: "Search conversations" }).focus();
  await page.keyboard.press("ArrowDown");
  await expect(chat.row(di.displayName)).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(chat.row(cy.displayName)).toBeFocused();
  await page.keyboard.press("End");
  await expect(chat.row(bo.displayName)).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Home");
  await expect(chat.row(di.displayName)).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: cy.displayName, level: 2 })).toBeVisible();
});

test("the list is searched by name", async ({ newUser }) => {
  const [ann, bo, cy] = [await newUser("Ann"), await newUser("Bo"), await newUser("Cy")];
  for (const person of [bo, cy]) await sendMessage(person, { to: ann.name }, "Hi");
  const { chat, page } = ann;
  await chat.open();
  const search = page.getByRole("searchbox", { name: "Search conversations" });
  await search.fill(bo.displayName.toUpperCase());
  await expect(chat.row(bo.displayName)).toBeVisible();
  await expect(chat.row(cy.displayName)).toHaveCount(0);
  await search.fill("nobody has this name");
  await expect(page.getByText("No conversation has this name.")).toBeVisible();
});

test("everything on the page can be reached with Tab, and shows where the focus is", async ({ newUser }) => {
  const [ann, bo] = [await newUser("Ann"), await newUser("Bo")];
  const id = await sendMessage(bo, { to: ann.name }, "Hi");
  const { chat, page } = ann;
  await chat.open(`/c/${id}`);
  await chat.composer.blur();
  const seen: string[] = [];
  for (let press = 0; press < 15; press++) {
    await page.keyboard.press("Tab");
    const [name, visible] = await page.evaluate(() => {
      const focused = document.activeElement;
      if (focused === null || focused === document.body) return ["", true] as const;
      const boxes = [focused, focused.parentElement, focused.parentElement?.parentElement].filter((box) => box != null);
      const look = (): string =>
        JSON.stringify(
          boxes.map((box) => {
            const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor } = getComputedStyle(box);
            return [outlineStyle === "none" ? "" : `${outlineWidth} ${outlineColor}`, boxShadow, borderColor];
          }),
        );
      const lit = look();
      (focused as HTMLElement).blur();
      const marked = look() !== lit;
      (focused as HTMLElement).focus();
      const label = focused.getAttribute("aria-label") ?? focused.textContent ?? "";
      return [`${focused.tagName} ${label.trim() || focused.getAttribute("placeholder")}`, marked] as const;
    });
    expect(visible, `${name} has no visible focus`).toBe(true);
    seen.push(name);
  }
  for (const what of ["Search", "New conversation", bo.displayName, "Conversation details", "Messages", "Message"]) {
    expect(seen.some((name) => name.includes(what)), `${what} is reached; there were ${seen.join(", ")}`).toBe(true);
  }
});
