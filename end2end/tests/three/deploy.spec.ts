import { randomInt } from "node:crypto";
import { AdminPage } from "../../fixtures/admin";
import { group } from "../../fixtures/api";
import { allHave } from "../../fixtures/everybody";
import type { Person } from "../../fixtures/person";
import { expect, test } from "../../fixtures/test";

test("one node crashes and one is replaced while people talk: the third serves them all, and nothing is lost", async ({
  newThree,
  newUser,
  watch,
}) => {
  test.slow();
  watch.expectCut("a node is killed");
  const site = await newThree();
  // nginx takes turns for each request, so more people than nodes, until each node has somebody.
  const people: Person[] = [];
  for (const name of ["Ada", "Bo", "Cy", "Di"]) people.push(await newUser(name, { site }));
  const [ada] = people as [Person];
  const id = await group(ada, `Three ${randomInt(1e9)}`, people.slice(1));
  for (const { chat } of people) await chat.open(`/c/${id}`);
  for (let visit = 0; new Set(people.map(({ chat }) => chat.node)).size < site.nodes.length; visit++) {
    expect(visit, "visits until each node has somebody").toBeLessThan(20);
    const first = people.find((one) => people.some((other) => other !== one && other.chat.node === one.chat.node));
    await first?.context.request.get(`${site.door()}/healthz`);
    await first?.chat.open(`/c/${id}`);
  }
  const said: string[] = [];
  const everybodySays = async (number: number): Promise<void> => {
    for (const { chat, name } of people) {
      said.push(`${name} ${number}`);
      await chat.send(`${name} ${number}`);
    }
  };
  await everybodySays(0);
  const crashing = await site.member(ada.chat.node);
  const elsewhere = people.find(({ chat }) => chat.node !== ada.chat.node);
  const leaving = await site.member(elsewhere?.chat.node);
  site.kill(crashing);
  await everybodySays(1);
  await allHave(people, said);
  site.terminate(leaving);
  await everybodySays(2);
  await allHave(people, said);
  const left = site.nodes.find((node) => node !== crashing && node !== leaving);
  for (const { chat } of people) {
    await expect.poll(async () => (await site.member(chat.node).catch(() => undefined))?.name).toBe(left?.name);
    await chat.live();
  }
  await allHave(people, said);
});

test("the administrators' page shows all three, and that they keep everything in PostgreSQL", async ({ newThree, newUser }) => {
  const site = await newThree();
  const admin = await newUser("Ada", { site });
  const page = await new AdminPage(admin).open();
  await expect(page.nodes).toHaveCount(3);
  for (const member of site.nodes) {
    const said = (await (await fetch(`http://127.0.0.1:${member.port}/readyz`)).json()) as { node: string; store_kind: string };
    expect(said.store_kind).toBe("postgres");
    await expect(page.node(said.node)).toContainText("Healthy");
  }
  const engines = admin.page.getByRole("region", { name: "Bus and store" });
  await expect(engines).toContainText("postgres://");
  await expect(engines).toContainText("redis://");
});
