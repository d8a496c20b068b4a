// Looks at HTML files in Chromium, and writes what it saw as JSON on stdout.
//
//     node look.mjs CHROMIUM FILE...
//
// For each file, narrow and light, and wide and dark: messages of the console, requests to anything
// but the file itself, how far the page can be scrolled sideways, and what axe-core finds.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, ...files] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const looks = [
  { viewport: { width: 360, height: 800 }, colorScheme: "light" },
  { viewport: { width: 1400, height: 900 }, colorScheme: "dark" },
];

async function look(browser, file, how) {
  const context = await browser.newContext(how);
  const page = await context.newPage();
  const own = pathToFileURL(file).href;
  const messages = [];
  const requests = [];
  page.on("console", (message) => messages.push(message.text()));
  page.on("pageerror", (error) => messages.push(String(error)));
  page.on("request", (request) => {
    const address = request.url();
    if (address !== own && !address.startsWith("data:")) requests.push(address);
  });
  await page.goto(own);
  // What is folded is looked at too. No script runs in the page itself: its policy forbids it, and
  // this one comes through the debugger.
  const overflow = await page.evaluate(() => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
    const root = document.documentElement;
    return root.scrollWidth - root.clientWidth;
  });
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const violations = found.violations.map((one) => ({
    rule: one.id,
    impact: one.impact,
    help: one.help,
    where: one.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.html.slice(0, 120)}`),
  }));
  await context.close();
  return { file, width: how.viewport.width, messages, requests, overflow, violations };
}

const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const seen = [];
for (const file of files) for (const how of looks) seen.push(await look(browser, file, how));
await browser.close();
process.stdout.write(JSON.stringify(seen));
