import { expect, it } from 'vitest';
import { signOffer, verifyOffer } from '../../src/dispatch/offer-token.ts';

const claims = { repository: 1, job: '2025-11-22-001', run: 'r', attempt: 1, fence: 7, digest: 'sha256:00' };

it('gives back what was signed', () => {
  expect(verifyOffer('key', signOffer('key', claims))).toEqual(claims);
});

it('refuses another key, other claims, and what is no token', () => {
  const token = signOffer('key', claims);
  const [body = '', signature = ''] = token.split('.');
  const forged = Buffer.from(JSON.stringify({ ...claims, fence: 8 })).toString('base64url');
  for (const wrong of [`${forged}.${signature}`, body, `${body}.`, `${token}.x`, '', '.', 'a.b'])
    expect(verifyOffer('key', wrong)).toBeUndefined();
  expect(verifyOffer('other', token)).toBeUndefined();
});
