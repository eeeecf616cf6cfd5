import { zodTextFormat } from 'openai/helpers/zod';
import { describe, expect, it } from 'vitest';
import { wirePlan } from '../../src/plan/wire.ts';
import { strictProblems } from './strict-schema.ts';

const text = { type: 'string' };
const object = (properties: object, rest: object = {}) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...rest,
});

describe('strictProblems', () => {
  it.each<[string, object, RegExp]>([
    ['a root union', { anyOf: [object({})] }, /root: a union/],
    ['a root array', { type: 'array', items: text }, /root: type must be/],
    ['an optional field', object({ a: text }, { required: [] }), /root\.a: must be in "required"/],
    [
      'an open object',
      object({ a: text }, { additionalProperties: undefined }),
      /"additionalProperties" must be false/,
    ],
    [
      'a record',
      object({ a: { type: 'object', additionalProperties: text } }),
      /root\.a: "additionalProperties"/,
    ],
    ['oneOf', object({ a: { oneOf: [text] } }), /root\.a: "oneOf"/],
    ['a default', object({ a: { ...text, default: 'x' } }), /"default"/],
    ['no type', object({ a: {} }), /has no type/],
    [
      'depth in an array',
      object({ a: { type: 'array', items: object({ b: text }, { required: [] }) } }),
      /a\[\]\.b/,
    ],
    ['depth in a union', object({ a: { anyOf: [object({ b: text }, { required: [] })] } }), /anyOf\.0\.b/],
  ])('refuses %s', (_, schema, expected) => {
    expect(strictProblems(schema).join('\n')).toMatch(expected);
  });

  it('takes what strict mode takes', () => {
    const schema = object({ a: { anyOf: [text, { type: 'null' }] }, b: { enum: ['x'] } });
    expect(strictProblems(schema)).toEqual([]);
  });

  it('takes the wire schema of a plan', () => {
    expect(strictProblems(zodTextFormat(wirePlan, 'plan').schema)).toEqual([]);
  });
});
