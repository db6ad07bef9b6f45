// The console in a headless browser: what it shows, whom it lets in, and that it
// asks nobody but the server.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { args, done, host } from './check.mjs';

const [restPort, apiKey, picture] = args;
const origin = `http://${host}:${restPort}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 1100 } });
page.setDefaultTimeout(150_000); // only a failing test uses it up
const elsewhere = [];
const problems = [];
page.on('request', (r) => r.url().startsWith(origin) || elsewhere.push(r.url()));
page.on('pageerror', (e) => problems.push(e.message));
page.on('dialog', (d) => { problems.push(`a dialog: ${d.message()}`); d.dismiss(); });

async function run(...commands) {
  const answer = await fetch(origin + '/pipeline', { method: 'POST', headers: { Authorization: `Bearer ${apiKey}` }, body: JSON.stringify(commands) });
  assert.equal(answer.status, 200);
}
const shows = (selector, pattern) => page.waitForFunction(
  ([s, p]) => new RegExp(p).test(document.querySelector(s)?.textContent ?? ''), [selector, pattern]);

const hostile = '<img src=x onerror=alert(1)>';
await run(
  ...Array.from({ length: 150 }, (_, i) => ['SET', `user:${String(i).padStart(3, '0')}`, `value ${i}`]),
  ['SET', 'other', 'x'], ['SET', `user:${hostile}`, hostile, 'EX', '1000'], ['RPUSH', 'user:list', 'one', 'two'],
);

await page.goto(origin + '/');
await page.fill('#key', 'wrong');
await page.click('#login button');
await shows('#refusal', 'not valid');
assert.equal(await page.isVisible('#board'), false);

await page.fill('#key', apiKey);
await page.click('#login button');
await shows('#keys', '^153$');
await shows('#keys-note', 'db0: 153, 1 expire');
await shows('#commands', 'set');
await shows('#shards', '\\d+ shards');
await shows('#workers', '0');
await shows('#memory', 'MB');
await shows('#slow', 'nothing was slow|\\d'); // not that it may not be asked for

// The figures move.
const busy = setInterval(() => run(...Array.from({ length: 200 }, () => ['GET', 'user:001'])), 50);
await page.waitForFunction(() => Number(document.querySelector('#ops').textContent.replaceAll(',', '')) > 100);
clearInterval(busy);
assert.equal(await page.locator('#ops-line polyline').count(), 1);

await page.fill('#prefix', 'user:0');
await page.click('#browse button');
await shows('#found', 'user:099');
assert.equal(await page.locator('#found li').count(), 100);
await page.fill('#prefix', 'user:');
await page.click('#browse button');
await shows('#found', 'user:001');
await page.click('#more');
await shows('#found', 'user:list');
assert.equal(await page.locator('#found li').count(), 152);
await page.getByText('user:149', { exact: true }).click();
await shows('#value', '^value 149$');
await page.getByText('user:list', { exact: true }).click();
await shows('#value', 'one[^]*two');
await page.getByText(hostile).first().click();
await shows('#value', '<img src=x');
await shows('#chosen-note', 'string, .*expires in');
if (picture) await page.screenshot({ path: picture });

await page.click('#leave');
assert.equal(await page.isVisible('#login'), true);
assert.equal(await page.isVisible('#board'), false);
assert.deepEqual(elsewhere, []);
assert.deepEqual(problems, []);
await browser.close();
done();
