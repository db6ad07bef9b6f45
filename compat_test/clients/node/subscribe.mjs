// Subscriptions of ioredis and node-redis, in RESP2 and RESP3.
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import { createClient } from 'redis';
import { done, fails, host, port, until } from './check.mjs';

const publisher = new Redis(Number(port), host);
const MESSAGES = 200;

async function publish() {
  const pipeline = publisher.pipeline();
  for (let i = 0; i < MESSAGES; i++) pipeline.publish('news', String(i));
  for (const [, receivers] of await pipeline.exec()) assert.equal(receivers, 1);
  assert.equal(await publisher.publish('news.x', 'end'), 1);
}

function check(seen) {
  assert.equal(seen.length, MESSAGES + 1);
  for (let i = 0; i < MESSAGES; i++) assert.deepEqual(seen[i], ['news', String(i)]);
  assert.deepEqual(seen[MESSAGES], ['news.x', 'end']);
}

const subscriber = new Redis(Number(port), host);
const heard = [];
subscriber.on('message', (channel, text) => heard.push([channel, text]));
subscriber.on('pmessage', (pattern, channel, text) => heard.push([channel, text]));
assert.equal(await subscriber.subscribe('news'), 1);
assert.equal(await subscriber.psubscribe('news.*'), 2);
await fails(subscriber.get('k'), /subscriber mode/);
assert.deepEqual(await subscriber.ping(), ['pong', '']);
await publish();
await until('ioredis has every message', () => heard.length > MESSAGES);
check(heard);
assert.equal(await subscriber.unsubscribe('news'), 1);
assert.equal(await subscriber.punsubscribe(), 0);
assert.equal(await subscriber.get('nokey'), null);
subscriber.disconnect();

for (const RESP of [2, 3]) {
  const client = createClient({ url: `redis://${host}:${port}`, RESP });
  await client.connect();
  const seen = [];
  const listener = (text, channel) => seen.push([channel, text]);
  await client.subscribe('news', listener);
  await client.pSubscribe('news.*', listener);
  assert.equal((await client.ping()).toUpperCase(), 'PONG');
  await publish();
  await until(`node-redis has every message (RESP${RESP})`, () => seen.length > MESSAGES);
  check(seen);
  await client.unsubscribe('news');
  await client.pUnsubscribe('news.*');
  assert.equal(await publisher.publish('news', 'nobody'), 0);
  client.destroy();
}

publisher.disconnect();
done();
