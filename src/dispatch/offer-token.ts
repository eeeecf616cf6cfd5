import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** Who a run is. Signed, it lets a result count even after the database was lost. */
const offerClaims = z.strictObject({
  /** GitHub's numeric id: survives a rename. */
  repository: z.int(),
  job: z.string(),
  run: z.string(),
  attempt: z.int(),
  fence: z.int(),
  /** `sha256:<hex>` of the job file. */
  digest: z.string(),
  /** Name of the runner it was made for. */
  runner: z.string().optional(),
});
export type OfferClaims = z.infer<typeof offerClaims>;

export type SigningKey = string | Uint8Array;

/** Derived from the App's key, so that it outlives the database: a late result still proves its offer. */
export function deriveSigningKey(privateKey: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', privateKey, 'guruguru', 'runner offers v1', 32));
}

/** `<base64url claims>.<base64url HMAC-SHA256>` */
export function signOffer(key: SigningKey, claims: OfferClaims): string {
  const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${body}.${mac(key, body).toString('base64url')}`;
}

/** The claims, or undefined when this app (with this key) did not sign them. Compares in constant time. */
export function verifyOffer(key: SigningKey, token: string): OfferClaims | undefined {
  const [body, signature, rest] = token.split('.');
  if (body === undefined || signature === undefined || rest !== undefined) return undefined;
  const expected = mac(key, body);
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const claims = offerClaims.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString()));
  return claims.success ? claims.data : undefined;
}

function mac(key: SigningKey, body: string): Buffer {
  return createHmac('sha256', key).update(body).digest();
}
