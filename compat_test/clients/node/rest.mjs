// HPKV's REST client: each of its methods, and what it makes of errors.
import assert from 'node:assert/strict';
import rest from '@hpkv/rest-client';
import { args, done } from './check.mjs';

const [base, key] = args;
const Client = rest.default ?? rest.HPKVRestClient ?? rest;
const client = new Client(base, base, key);

async function failsWith(promise, status, code, text) {
  await assert.rejects(promise, (err) => {
    assert.equal(err.status, status, err.message);
    assert.equal(err.code, code);
    if (text) assert.match(err.message, text);
    return true;
  });
}

// ".." alone cannot be asked for: fetch takes it for the parent folder.
const keys = ['plain', 'a/b', 'a%2Fb', 'a+b', 'a b', '../..', '/', 'a//b', 'ключ', '🙂', '?x=1&y#z', '"\\', "it's"];
for (const k of keys) {
  assert.equal((await client.set(k, `value of ${k}`)).success, true);
  assert.deepEqual(await client.get(k), { key: k, value: `value of ${k}` });
  const found = await client.range(k, k);
  assert.deepEqual(found, { records: [{ key: k, value: `value of ${k}` }], count: 1, truncated: false }, k);
  assert.equal((await client.delete(k)).success, true);
  await failsWith(client.get(k), 404, 'NOT_FOUND', /Record not found/);
  await failsWith(client.delete(k), 404, 'NOT_FOUND', /Record not found/);
}

await client.set('doc', { a: 1, list: [1, 2], deep: { x: 1, y: 2 } });
await client.set('doc', { b: 2, list: [3], deep: { y: null, z: 3 } }, true);
assert.deepEqual(JSON.parse((await client.get('doc')).value), { a: 1, list: [3], deep: { x: 1, z: 3 }, b: 2 });
await client.set('text', 'Hello ');
await client.set('text', 'World!', true);
assert.equal((await client.get('text')).value, 'Hello World!');

await client.set('counter', '10');
assert.equal((await client.atomicIncrement('counter', 5)).result, 15);
assert.equal((await client.atomicIncrement('counter', -20)).result, -5);
assert.equal((await client.atomicIncrement('fresh', 3)).result, 3);
await failsWith(client.atomicIncrement('text', 1), 400, 'BAD_REQUEST');
const sums = await Promise.all(Array.from({ length: 200 }, () => client.atomicIncrement('many', 1)));
assert.deepEqual(sums.map((s) => s.result).sort((a, b) => a - b), Array.from({ length: 200 }, (_, i) => i + 1));

await Promise.all(Array.from({ length: 120 }, (_, i) => client.set(`r:${String(i).padStart(3, '0')}`, String(i))));
let page = await client.range('r:', 'r:~');
assert.equal(page.count, 100);
assert.equal(page.truncated, true);
assert.equal(page.records[0].key, 'r:000');
page = await client.range('r:100', 'r:~', 1000);
assert.equal(page.count, 20);
assert.equal(page.truncated, false);

await failsWith(client.set('k', ''), 400, 'BAD_REQUEST');
await failsWith(client.set('', 'v'), 400, 'BAD_REQUEST');
await failsWith(client.set('k', 'x'.repeat(102400)), 400, 'BAD_REQUEST');
await failsWith(client.set('k', undefined), 400, 'BAD_REQUEST');
await failsWith(client.range('a', 'b', 0), 400, 'BAD_REQUEST');
await failsWith(new Client(base, base, 'wrong').get('k'), 403, 'FORBIDDEN');
await assert.rejects(client.nexusSearch('anything'), (err) => err.status === 501);
await assert.rejects(client.nexusQuery('anything'), (err) => err.status === 501);
done();
