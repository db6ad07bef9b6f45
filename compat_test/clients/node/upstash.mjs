// Upstash's client: commands, pipelines, transactions, subscribers, encodings, errors.
import assert from 'node:assert/strict';
import { Redis } from '@upstash/redis';
import { args, done, fails } from './check.mjs';
import { Coverage } from './coverage.mjs';
import { everyFamily } from './upstash_commands.mjs';
import { subscribing } from './upstash_events.mjs';
import { replay, whatIsNotOffered } from './upstash_rest.mjs';

const [url, token] = args;

for (const responseEncoding of ['base64', false]) {
  const redis = new Redis({ url, token, responseEncoding, enableTelemetry: responseEncoding === false });
  await redis.flushdb();
  const p = redis.pipeline();
  p.set('p', 1).incr('p').get('p').mget('p', 'none');
  assert.deepEqual(await p.exec(), ['OK', 2, 2, [2, null]]);
  const errors = await redis.pipeline().set('p', 'text').incr('p').get('p').exec({ keepErrors: true });
  assert.equal(errors[0].result, 'OK');
  assert.match(errors[1].error, /not an integer/);
  assert.equal(errors[2].result, 'text');
  assert.deepEqual(await redis.multi().set('t', 1).incr('t').get('t').exec(), ['OK', 2, 2]);

  const auto = new Redis({ url, token, responseEncoding, enableAutoPipelining: true });
  assert.deepEqual(await Promise.all(Array.from({ length: 50 }, () => auto.incr('auto'))), Array.from({ length: 50 }, (_, i) => i + 1));

  // Every method. (bitfield() cannot do with pipelines that form by themselves.)
  const alone = new Redis({ url, token, responseEncoding, enableAutoPipelining: false, retry: false });
  const coverage = new Coverage().expect('Redis', alone);
  const noted = coverage.note('Redis', alone, true);
  await everyFamily(noted);
  const calls = [...coverage.calls];
  await replay(alone, calls, () => noted.pipeline());
  await replay(alone, calls, () => noted.multi());
  await whatIsNotOffered(noted);
  await subscribing(noted, alone, new Redis({ url, token, responseEncoding, automaticDeserialization: false }));
  const seen = [];
  noted.use((request, next) => (seen.push(request.body), next(request)));
  const together = noted.autoPipeline();
  // Reads would go in a request of their own, beside that of the writes.
  assert.deepEqual(await Promise.all([together.set('x', 1), together.incr('x')]), ['OK', 2]);
  assert.deepEqual(seen, [[['set', 'x', 1], ['incr', 'x']]]);
  coverage.check({
    'Redis.addTelemetry': 'for the class itself',
    'Redis.readYourWritesSyncToken': 'for replicas; one server needs none',
  });
  await redis.set('obj', { a: 1 });
  await fails(redis.incr('obj'), /ERR value is not an integer or out of range/);
  await fails(redis.exec(['NOSUCH', 'x']), /ERR unknown command 'NOSUCH'/);
  await fails(redis.exec(['CLIENT', 'LIST']), /not available over REST/);
  await fails(redis.exec(['SET', 't']), /wrong number of arguments/);
  await fails(new Redis({ url, token: 'wrong', retry: false }).get('k'), /Unauthorized/);
}
done();
