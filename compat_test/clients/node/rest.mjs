// HPKV's REST client: each of its methods, and what it makes of errors.
import assert from 'node:assert/strict';
import rest from '@hpkv/rest-client';
import { args, done, setting } from './check.mjs';
import { Coverage, checkExports } from './coverage.mjs';

const [base, key] = args;
checkExports(rest, ['HPKVRestClient']);
const Client = rest.HPKVRestClient;
const coverage = new Coverage().expect('HPKVRestClient', Client);
const client = coverage.note('HPKVRestClient', new Client(base, base, key));

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

// More requests than the limit of a second: some are refused, as what they are,
// and those that are not refused are carried out.
await client.delete('counter');
await setting('rest-rate-limit', 5);
const limited = await Promise.allSettled(Array.from({ length: 60 }, () => client.atomicIncrement('counter', 1)));
const refused = limited.filter((r) => r.status === 'rejected').map((r) => r.reason);
assert.ok(refused.length > 0 && refused.length < 60, `${refused.length} of 60 refused`);
for (const err of refused) {
  assert.equal(err.status, 429);
  assert.equal(err.code, 'RATE_LIMIT_EXCEEDED');
  assert.equal(err.message, 'too many requests');
  assert.deepEqual(err.data, { error: 'too many requests' });
}
await setting('rest-rate-limit', 0);
assert.equal((await client.atomicIncrement('counter', 0)).result, 60 - refused.length);

const internal = 'for the class itself';
coverage.check({
  'HPKVRestClient._request': internal,
  'HPKVRestClient._getErrorCode': internal,
  'HPKVRestClient._handleError': internal,
  'HPKVRestClient._getErrorMessage': internal,
});
done();
