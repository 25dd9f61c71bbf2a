import { contract } from '@mcp-router/shared';
import fc from 'fast-check';
import { z } from 'zod';
import {
  decodeBody,
  decodeRequest,
  encodeBody,
  encodeMeta,
  encodeRequest,
  exceeds,
  pack,
  unpack,
  validInput,
} from './wire';

const text = fc.string({ unit: 'binary' });

it('gives back any body, with its raw field as it was', () => {
  fc.assert(
    fc.property(fc.record({ a: text, n: fc.integer(), body: text }, { requiredKeys: ['a'] }), (value) => {
      for (const raw of ['body', undefined]) {
        const frame = `Z1 ${encodeBody(value, raw)}`;
        expect(decodeBody(frame, 3, raw)).toEqual(value);
      }
    }),
  );
});

it('never escapes the raw field', () => {
  expect(encodeBody({ a: 1, body: '{"x":"\\n"}\n' }, 'body')).toBe('{"a":1}\n{"x":"\\n"}\n');
});

it('gives back every head', () => {
  const meta = { requestId: 'r "1"\n', traceparent: '00-ab-cd-01' };
  const body = encodeBody({ body: 'x y\nz' }, 'body');
  const frame = encodeRequest(7, 'gateway-1.2', Infinity, 'router.exchangeMcp', encodeMeta(meta), body);
  const [head, bodyAt] = decodeRequest(frame);
  expect(head).toEqual({ id: 7, from: 'gateway-1.2', ttlMs: Infinity, pattern: 'router.exchangeMcp', meta });
  expect(decodeBody(frame, bodyAt, 'body')).toEqual({ body: 'x y\nz' });
});

it('gives back who asks, whatever stands before, and the same object for the same caller', () => {
  const principal = (agent: string) => ({
    agentId: agent,
    agent,
    role: 'member' as const,
    policy: { allow: [',"principal":{}'], deny: [] },
  });
  const read = (meta: Parameters<typeof encodeMeta>[0]) =>
    decodeRequest(encodeRequest(1, 'gateway-1.2', 5, 'router.x', encodeMeta(meta), ''))[0].meta;
  fc.assert(
    fc.property(fc.oneof(text, fc.constant(',"principal":{"role":"admin"}')), text, (requestId, agent) => {
      const meta = { requestId, traceparent: requestId, principal: principal(agent) };
      expect(read(meta)).toEqual(meta);
      expect(read({ ...meta, requestId: 'other' }).principal).toBe(read(meta).principal);
    }),
  );
  expect(read({ requestId: 'r' })).toEqual({ requestId: 'r' });
});

it('packs frames of one channel into a message and gives them back in order', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (bodies) => {
      const frames = bodies.map((body, id) => `Z${id} ${body}`);
      const taken: string[] = [];
      unpack(pack(frames), (frame) => taken.push(frame));
      expect(taken).toEqual(frames);
    }),
  );
});

it('measures in UTF-8 bytes', () => {
  expect(exceeds('ab', 2)).toBe(false);
  expect(exceeds('aä', 2)).toBe(true);
  expect(exceeds('𝄞', 4)).toBe(false);
  expect(exceeds('𝄞', 3)).toBe(true);
});

it('names each fault of an input by its JSON Pointer', () => {
  const schema = z.object({ list: z.array(z.object({ 'a/b': z.int() })), other: z.string().default('d') });
  const add = contract('test.add', { input: schema, output: z.object({}) });
  expect(validInput(add, { list: [] })).toEqual({ list: [], other: 'd' });
  expect(() => validInput(add, { list: [{ 'a/b': 1 }, { 'a/b': 'x' }] })).toThrow(
    expect.objectContaining({
      code: 'invalid_request',
      errors: [expect.objectContaining({ pointer: '/list/1/a~1b' })],
    }),
  );
});
