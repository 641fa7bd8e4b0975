import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {inRoot} from '../paths.mjs';

/** @typedef {Record<string, unknown>} Schema */

const documents = {
  '': /** @type {Schema} */ (JSON.parse(readFileSync(inRoot('docs/openapi.json'), 'utf8'))),
  '/api/check.schema.json': /** @type {Schema} */ (JSON.parse(readFileSync(inRoot('docs/check.schema.json'), 'utf8'))),
};

/** @typedef {keyof typeof documents} Document */

/** What is said about a schema, not by it. */
const remarks = new Set(['description', 'title', 'default', 'contentEncoding', '$schema', '$defs']);

/** @type {Record<string, (value: unknown) => boolean>} */
const types = {
  string: (v) => typeof v === 'string',
  integer: (v) => Number.isInteger(v),
  boolean: (v) => typeof v === 'boolean',
  array: (v) => Array.isArray(v),
  object: (v) => typeof v === 'object' && v !== null && !Array.isArray(v),
  null: (v) => v === null,
};

/**
 * Holds a value against a schema of the OpenAPI document. A keyword that is not known here is an error: nothing that
 * the document says may go unchecked.
 * @param {Schema} schema
 * @param {unknown} value
 * @param {string} at where it is, for the message
 * @param {Document} [document] that the schema stands in
 */
export function hold(schema, value, at, document = '') {
  for (const [keyword, says] of Object.entries(schema)) {
    if (remarks.has(keyword)) {
      continue;
    }
    const test = keywords[keyword];
    assert.ok(test !== undefined, `${at}: the schema's ${keyword} cannot be checked`);
    test(/** @type {never} */ (says), value, at, schema, document);
  }
}

/** @type {Record<string, (says: never, value: unknown, at: string, schema: Schema, document: Document) => void>} */
const keywords = {
  $ref: (/** @type {string} */ says, value, at, _, document) => {
    const [schema, where] = resolve(says, document);
    hold(schema, value, at, where);
  },
  type: (/** @type {string | string[]} */ says, value, at) => {
    assert.ok([says].flat().some((name) => types[name]?.(value)), `${at} is ${JSON.stringify(value)?.slice(0, 200)}, not ${says}`);
  },
  enum: (/** @type {unknown[]} */ says, value, at) => assert.ok(says.includes(value), `${at} is ${JSON.stringify(value)}, not one of ${says}`),
  const: (/** @type {unknown} */ says, value, at) => assert.equal(value, says, at),
  minimum: (/** @type {number} */ says, value, at) => assert.ok(typeof value !== 'number' || value >= says, `${at} is ${value}`),
  pattern: (/** @type {string} */ says, value, at) => assert.ok(typeof value !== 'string' || new RegExp(says).test(value), `${at} is ${value}`),
  format: (/** @type {string} */ says, value, at) => assert.ok(says === 'date-time' && !Number.isNaN(Date.parse(String(value))), `${at} is ${value}`),
  anyOf: (/** @type {Schema[]} */ says, value, at, _, document) => {
    assert.ok(says.some((one) => holds(one, value, at, document)), `${at} is ${JSON.stringify(value)}`);
  },
  items: (/** @type {Schema} */ says, value, at, _, document) => {
    for (const [i, item] of (Array.isArray(value) ? value : []).entries()) {
      hold(says, item, `${at}[${i}]`, document);
    }
  },
  required: (/** @type {string[]} */ says, value, at) => {
    for (const name of says) {
      assert.ok(types['object']?.(value) && name in /** @type {object} */ (value), `${at} lacks ${name}`);
    }
  },
  properties: (/** @type {Record<string, Schema>} */ says, value, at, _, document) => {
    for (const [name, item] of Object.entries(/** @type {object} */ (value))) {
      const schema = says[name];
      if (schema !== undefined) {
        hold(schema, item, `${at}.${name}`, document);
      }
    }
  },
  additionalProperties: (/** @type {boolean} */ says, value, at, schema) => {
    assert.equal(says, false);
    for (const name of Object.keys(/** @type {object} */ (value))) {
      assert.ok(name in /** @type {object} */ (schema['properties']), `${at} has ${name}`);
    }
  },
};

/**
 * @param {Schema} schema
 * @param {unknown} value
 * @param {string} at
 * @param {Document} document
 */
function holds(schema, value, at, document) {
  try {
    hold(schema, value, at, document);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} reference
 * @param {Document} document
 * @returns {[Schema, Document]}
 */
function resolve(reference, document) {
  const [name = '', pointer = ''] = reference.split('#');
  const where = /** @type {Document} */ (name === '' ? document : name);
  /** @type {unknown} */
  let at = documents[where];
  for (const step of pointer.split('/').slice(1)) {
    at = /** @type {Schema} */ (at)[step];
  }
  assert.ok(types['object']?.(at), `${reference} is not there`);
  return [/** @type {Schema} */ (at), where];
}

/** What was answered: "GET /api/images 200". @type {Set<string>} */
export const answered = new Set();

/**
 * Holds an answer of the API against the document: that there is such an answer, its type and its body.
 * @param {string} method
 * @param {string} pathname as it was asked for
 * @param {{status: number, type: string, body: Buffer}} answer
 */
export function holdAnswer(method, pathname, {status, type, body}) {
  const paths = /** @type {Record<string, Record<string, {responses: Record<string, {content?: Record<string, {schema: Schema}>}>}>>} */ (documents['']['paths']);
  const path = Object.keys(paths).find((one) => new RegExp(`^${one.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname));
  const operation = path === undefined ? undefined : paths[path]?.[method.toLowerCase()];
  if (path === undefined || operation === undefined) {
    assert.ok([401, 404, 405, 414, 429, 503].includes(status), `${method} ${pathname} is not in the document, and answers ${status}`);
    return;
  }
  const at = `${method} ${path} ${status}`;
  answered.add(at);
  const schema = operation.responses[status]?.content?.[type]?.schema;
  assert.ok(schema !== undefined, `${at} ${type} is not in the document: ${body.toString('utf8', 0, 300)}`);
  if (type === 'application/json') {
    hold(schema, JSON.parse(body.toString('utf8')), at);
  }
}

/** All answers that the document has, as in answered. */
export function documented() {
  const paths = /** @type {Record<string, Record<string, {responses: Record<string, unknown>}>>} */ (documents['']['paths']);
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, {responses}]) => Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`)),
  );
}
