// The description of the interface, held against the schema of OpenAPI 3.1 by a
// validator that others use, and that it names every operation once.
import assert from 'node:assert/strict';
import { Validator } from '@seriousme/openapi-schema-validator';
import { args, done } from './check.mjs';

const [base, key] = args;
const answer = await fetch(base + '/openapi.json', { headers: { 'x-api-key': key } });
assert.equal(answer.status, 200);
const text = await answer.text();

async function judge(document) {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(document);
  return { valid, errors, version: validator.version };
}
assert.deepEqual(await judge(JSON.parse(text)), { valid: true, errors: undefined, version: '3.1' });

const document = JSON.parse(text);
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
const ids = new Set(operations.map((o) => o.operationId));
assert.ok(operations.length > 30, `${operations.length} operations`);
assert.equal(ids.size, operations.length);

// The validator does find what is wrong.
delete document.info.title;
assert.equal((await judge(document)).valid, false);
done();
