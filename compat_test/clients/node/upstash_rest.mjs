// What is left of Upstash's client: methods for what this server does not offer,
// and its pipelines, which have a method for each command.
import assert from 'node:assert/strict';
import { methodsOf } from './coverage.mjs';
import { fails } from './check.mjs';

// Methods whose commands are not there. Each must be told so, by the text that
// redis-server has for commands that it does not know.
const unknown = {
  streams: {
    xadd: ['x', '*', { a: 1 }], xack: ['x', 'g', '1-1'], xackdel: ['x', 'g', 'KEEPREF', '1-1'], xdel: ['x', '1-1'], xdelex: ['x', 'KEEPREF', '1-1'],
    xgroup: ['x', { type: 'CREATE', group: 'g', id: '$' }], xread: ['x', '0'], xreadgroup: ['g', 'c', 'x', '>'], xinfo: ['x', { type: 'GROUPS' }], xlen: ['x'],
    xpending: ['x', 'g', '-', '+', 10], xclaim: ['x', 'g', 'c', 1, ['1-1']], xautoclaim: ['x', 'g', 'c', 1, '0'], xtrim: ['x', { strategy: 'MAXLEN', threshold: 1 }],
    xrange: ['x', '-', '+'], xrevrange: ['x', '+', '-'],
  },
  scripts: {
    eval: ['return 1', [], []], evalRo: ['return 1', [], []], evalsha: ['0'.repeat(40), [], []], evalshaRo: ['0'.repeat(40), [], []],
    scriptExists: ['0'.repeat(40)], scriptFlush: [], scriptLoad: ['return 1'],
  },
  'fields in one step with their expiry': { hgetdel: ['h', 'f'], hgetex: ['h', { ex: 1 }, 'f'], hsetex: ['h', { expiration: { ex: 1 } }, { f: 1 }] },
  arrays: {
    arcount: ['a'], ardel: ['a', 1], ardelrange: ['a', 1, 2], arget: ['a', 1], argetrange: ['a', 1, 2], argrep: ['a', 0, 1, { predicates: [{ match: 'x' }] }], arinfo: ['a'],
    arinsert: ['a', 1, 'v'], arlastitems: ['a', 1], arlen: ['a'], armget: ['a', 1], armset: ['a', { 1: 'v' }], arnext: ['a', 1], arop: ['a', 0, 1, 'SUM'], arring: ['a', 1, 'v'],
    arscan: ['a', 0, 1], arseek: ['a', 1], arset: ['a', 1, 'v'],
  },
};

const json = {
  arrappend: ['j', '$', 1], arrindex: ['j', '$', 1], arrinsert: ['j', '$', 0, 1], arrlen: ['j'], arrpop: ['j'], arrtrim: ['j', '$', 0, 1], clear: ['j'], del: ['j'], forget: ['j'],
  get: ['j'], merge: ['j', '$', {}], mget: [['j'], '$'], mset: [{ key: 'j', path: '$', value: 1 }], numincrby: ['j', '$', 1], nummultby: ['j', '$', 1], objkeys: ['j'],
  objlen: ['j'], resp: ['j'], set: ['j', '$', {}], strappend: ['j', '$', '"x"'], strlen: ['j'], toggle: ['j', '$'], type: ['j'],
};

const functions = {
  load: [{ code: '#!lua name=l' }], list: [], delete: ['l'], flush: [], stats: [], call: ['f'], callRo: ['f'],
};

export async function whatIsNotOffered(redis) {
  for (const methods of Object.values(unknown)) {
    for (const [name, args] of Object.entries(methods)) await fails(redis[name](...args), /ERR unknown command/);
  }
  for (const [module, methods] of [[redis.json, json], [redis.functions, functions]]) {
    assert.deepEqual(Object.keys(module).sort(), Object.keys(methods).sort());
    for (const [name, args] of Object.entries(methods)) await fails(module[name](...args), /ERR unknown command/);
  }
  for (const options of [undefined, { readonly: true }]) {
    const script = redis.createScript('return 1', options);
    for (const method of options ? ['evalRo', 'evalshaRo', 'exec'] : ['eval', 'evalsha', 'exec']) await fails(script[method]([], []), /ERR unknown command/);
  }
  await fails(redis.search.alias.list(), /ERR unknown command/);
  await fails(redis.search.index({ name: 'i' }).drop(), /ERR unknown command/);
  await fails(redis.vector.index({ name: 'i' }).drop(), /ERR unknown command/);
  await fails(redis.clientSetinfo('LIB-NAME', 'x'), /CLIENT is not available over REST/);
}

// What no two runs need answer alike.
const chance = new Set(['time', 'randomkey', 'srandmember', 'hrandfield', 'spop', 'ttl', 'pttl', 'httl', 'hpttl', 'keys', 'smembers', 'sdiff', 'sinter', 'sunion', 'sscan', 'hscan', 'hkeys', 'hvals', 'scan']);
// What a pipeline does not have, or has in another form.
const apart = new Set(['pipeline', 'multi', 'autoPipeline', 'bitfield', 'use', 'exec']);

// replay sends what was called on a client once more, as one pipeline, and expects
// the same results.
export async function replay(redis, calls, open) {
  await redis.flushall();
  const p = open();
  const want = [];
  const names = new Set();
  for (const { name, args, result } of calls) {
    if (apart.has(name)) continue;
    p[name](...args);
    names.add(name);
    want.push({ name, args, result: await result });
  }
  p.bitfield('bits of a pipeline').set('u8', 0, 200).incrby('u8', 0, 10).exec();
  const got = await p.exec();
  assert.equal(got.length, want.length + 1);
  assert.deepEqual(got.pop(), [0, 210]);
  for (const [i, { name, args, result }] of want.entries()) {
    if (chance.has(name)) assert.equal(typeof got[i], typeof result, name);
    else assert.deepEqual(got[i], result, `${name} ${JSON.stringify(args)}`);
  }
  const rest = new Set(Object.values(unknown).flatMap((m) => Object.keys(m)));
  for (const name of ['chain', 'length', 'exec', 'bitfield', 'json', 'functions', 'clientSetinfo', 'zdiffstore']) rest.add(name);
  const missing = [...methodsOf(p)].filter((n) => !names.has(n) && !rest.has(n));
  assert.deepEqual(missing, [], 'commands that no pipeline had');
}
