import { BlockList, isIP } from 'node:net';

/** Who calls, as far as the connection tells. */
export interface Peer {
  /** IP address; what a proxy we believe says of it. */
  address: string;
  /** Nobody on the way can read the call: it came by TLS, or never left this machine. */
  secure: boolean;
}

export interface Connection {
  address: string | undefined;
  encrypted: boolean;
  /** `X-Forwarded-Proto` and `X-Forwarded-For`. */
  proto: string | undefined;
  forwardedFor: string | undefined;
}

/**
 * A proxy on this machine, and those that are named (addresses or subnets), are believed about the call they
 * pass on. What anybody else says in these headers is nothing.
 */
export function createPeers(proxies: readonly string[]): (connection: Connection) => Peer {
  const loopback = new BlockList();
  loopback.addSubnet('127.0.0.0', 8);
  loopback.addAddress('::1', 'ipv6');
  const named = new BlockList();
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) named.addAddress(address, family);
    else named.addSubnet(address, Number(prefix), family);
  }
  const within = (list: BlockList, address: string) =>
    isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return ({ address, encrypted, proto, forwardedFor }) => {
    const direct = (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
    const local = within(loopback, direct);
    if (!local && !within(named, direct)) return { address: direct, secure: encrypted };
    const last = forwardedFor?.split(',').at(-1)?.trim();
    const passedOn = last && isIP(last) !== 0 ? last : direct;
    if (proto === undefined && forwardedFor === undefined)
      return { address: direct, secure: encrypted || local };
    // A chain of proxies: each must have been reached by TLS.
    const secret = (proto ?? '').split(',').every((hop) => hop.trim().toLowerCase() === 'https');
    return { address: passedOn, secure: secret || within(loopback, passedOn) };
  };
}
