/** A secret in a text: indices, and what sort it is. */
export interface SecretSpan {
  from: number;
  to: number;
  kind: string;
}
