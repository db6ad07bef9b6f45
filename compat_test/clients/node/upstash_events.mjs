// Upstash's subscribers, which read server-sent events.
import assert from 'node:assert/strict';
import { until } from './check.mjs';

// hear notes what a subscriber hears, and returns when it has subscribed to names.
async function hear(subscriber, names, [message, confirmation]) {
  const heard = { messages: [], apart: [], errors: [] };
  const counts = [];
  subscriber.on(message, (m) => heard.messages.push(m));
  subscriber.on(`${message}:${names[0]}`, (m) => heard.apart.push(m.message));
  subscriber.on(confirmation, (count) => counts.push(count));
  subscriber.on('error', (err) => heard.errors.push(err.message));
  await until(`subscribed to ${names}`, () => heard.errors.length > 0 || counts.length === names.length);
  assert.deepEqual(heard.errors, []);
  assert.deepEqual(counts, names.map(() => 1)); // a stream for each
  assert.deepEqual(subscriber.getSubscribedChannels(), names);
  return heard;
}

const kinds = { channel: ['message', 'subscribe'], pattern: ['pmessage', 'psubscribe'] };

// What is published, and what arrives.
const payloads = [
  ['text, with a comma', 'text, with a comma'], ['two\nlines', 'two\nlines'], ['', ''], [42, 42], [true, true], ['null', null],
  [{ a: [1, 'two', null], 'ключ': '🙂' }, { a: [1, 'two', null], 'ключ': '🙂' }], [JSON.stringify({ b: 1 }, null, 2), { b: 1 }], [[1, 2], [1, 2]],
  ['x'.repeat(200_000), 'x'.repeat(200_000)],
];

// subscribing tries subscribe and psubscribe of redis, which need not be the client
// that publishes; plain hands messages over as texts.
export async function subscribing(redis, publisher, plain) {
  const names = ['news:1', 'weather', 'ключ'];
  const one = redis.subscribe(names);
  const heard = await hear(one, names, kinds.channel);
  const neighbour = redis.subscribe('weather');
  const other = await hear(neighbour, ['weather'], kinds.channel);
  for (const [sent] of payloads) assert.equal(await publisher.publish('news:1', sent), 1);
  assert.equal(await publisher.publish('weather', 'rain'), 2);
  assert.equal(await publisher.publish('ключ', 'v'), 1);
  const arrived = payloads.length + 2;
  await until('the messages of channels', () => heard.messages.length === arrived && other.messages.length === 1);
  const of = (channel) => heard.messages.filter((m) => m.channel === channel).map((m) => m.message);
  assert.deepEqual(of('news:1'), payloads.map(([, read]) => read));
  assert.deepEqual(heard.apart, payloads.map(([, read]) => read));
  assert.deepEqual([of('weather'), of('ключ'), other.messages], [['rain'], ['v'], [{ channel: 'weather', message: 'rain' }]]);

  await one.unsubscribe(['weather']);
  assert.deepEqual(one.getSubscribedChannels(), ['news:1', 'ключ']);
  await until('one subscriber less', async () => (await publisher.publish('weather', 'snow')) === 1);
  await one.unsubscribe();

  const texts = plain.subscribe('texts');
  const asText = await hear(texts, ['texts'], kinds.channel);
  await publisher.publish('texts', { a: 1 });
  await until('a text', () => asText.messages.length === 1);
  assert.deepEqual(asText.messages, [{ channel: 'texts', message: '{"a":1}' }]);

  // Its subscribers to patterns take JSON only.
  const patterns = ['us?r:*', 'user:[12]', 'h*llo'];
  const matching = redis.psubscribe(patterns);
  const matched = await hear(matching, patterns, kinds.pattern);
  assert.equal(await publisher.publish('user:1', { id: 1 }), 2);
  assert.equal(await publisher.publish('user:3', [3]), 1);
  assert.equal(await publisher.publish('hello', 7), 1);
  await until('the messages of patterns', () => matched.messages.length === 4);
  assert.deepEqual(matched.messages.filter((m) => m.pattern === 'us?r:*'), [
    { pattern: 'us?r:*', channel: 'user:1', message: { id: 1 } },
    { pattern: 'us?r:*', channel: 'user:3', message: [3] },
  ]);
  assert.deepEqual(matched.apart, [{ id: 1 }, [3]]);
  assert.deepEqual(matched.messages.filter((m) => m.pattern === 'h*llo'), [{ pattern: 'h*llo', channel: 'hello', message: 7 }]);
  for (const s of [neighbour, texts, matching]) await s.unsubscribe();
  await until('no subscriber', async () => (await publisher.exec(['PUBSUB', 'CHANNELS'])).length === 0);
  await until('no pattern', async () => (await publisher.exec(['PUBSUB', 'NUMPAT'])) === 0);
  assert.deepEqual([heard.errors, other.errors, asText.errors, matched.errors], [[], [], [], []]);
}
