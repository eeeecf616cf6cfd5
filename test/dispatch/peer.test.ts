import { expect, it } from 'vitest';
import { type Connection, createPeers } from '../../src/dispatch/peer.ts';

const plain: Connection = {
  address: '203.0.113.9',
  encrypted: false,
  proto: undefined,
  forwardedFor: undefined,
};
const judge = createPeers(['10.0.0.5', 'fd00::/8']);

it.each<[string, Partial<Connection>, string, boolean]>([
  ['a process on this machine', { address: '127.0.0.1' }, '127.0.0.1', true],
  ['the same over IPv6', { address: '::1' }, '::1', true],
  ['the same on a socket for both', { address: '::ffff:127.0.0.1' }, '127.0.0.1', true],
  ['another machine in clear text', {}, '203.0.113.9', false],
  ['another machine by TLS', { encrypted: true }, '203.0.113.9', true],
  [
    'another machine that says it was TLS',
    { proto: 'https', forwardedFor: '127.0.0.1' },
    '203.0.113.9',
    false,
  ],
  [
    'TLS at a proxy on this machine',
    { address: '127.0.0.1', proto: 'https', forwardedFor: '203.0.113.9' },
    '203.0.113.9',
    true,
  ],
  [
    'clear text at a proxy on this machine',
    { address: '127.0.0.1', proto: 'http', forwardedFor: '203.0.113.9' },
    '203.0.113.9',
    false,
  ],
  [
    'a proxy on this machine that does not say how it was called',
    { address: '127.0.0.1', forwardedFor: '203.0.113.9' },
    '203.0.113.9',
    false,
  ],
  [
    'a caller that forged the first entries',
    { address: '127.0.0.1', proto: 'https', forwardedFor: '127.0.0.1, 203.0.113.9' },
    '203.0.113.9',
    true,
  ],
  [
    'TLS at a named proxy',
    { address: '10.0.0.5', proto: 'https', forwardedFor: '198.51.100.1' },
    '198.51.100.1',
    true,
  ],
  ['TLS at one of a named subnet', { address: 'fd00::7', proto: 'HTTPS' }, 'fd00::7', true],
  ['one hop of several in clear text', { address: '10.0.0.5', proto: 'https, http' }, '10.0.0.5', false],
  ['a named proxy itself', { address: '10.0.0.5' }, '10.0.0.5', false],
  ['a proxy nobody named', { address: '10.0.0.6', proto: 'https' }, '10.0.0.6', false],
  ['a connection that is gone', { address: undefined }, '', false],
])('%s', (_name, changes, address, secure) => {
  expect(judge({ ...plain, ...changes })).toEqual({ address, secure });
});
