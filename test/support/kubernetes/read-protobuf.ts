/** What kubectl asks with `auth can-i`. */
export interface AccessReview {
  spec?: { resourceAttributes?: { group?: string; resource?: string; subresource?: string; verb?: string } };
}

const MAGIC = Buffer.from('k8s\0');

/** A request's body: JSON or, from kubectl's typed clients, an access review in Kubernetes' protobuf envelope. */
export function readBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return null;
  if (!bytes.subarray(0, 4).equals(MAGIC)) return JSON.parse(bytes.toString('utf8'));
  // runtime.Unknown { raw = 2 } → SelfSubjectAccessReview { spec = 2 } → { resourceAttributes = 1 }
  const asked = [2, 2, 1].reduce(
    (message, field) => fields(message).get(field) ?? Buffer.alloc(0),
    bytes.subarray(4),
  );
  const text = (field: number) => fields(asked).get(field)?.toString('utf8') ?? '';
  const resourceAttributes = { verb: text(2), group: text(3), resource: text(5), subresource: text(6) };
  return {
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    spec: { resourceAttributes },
  };
}

/** The length-delimited fields of a message; it has no others that matter here. */
function fields(message: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    if ((key & 7) === 0) {
      varint();
      continue;
    }
    if ((key & 7) !== 2) throw new Error(`a field of wire type ${key & 7}`);
    const length = varint();
    found.set(key >> 3, message.subarray(at, at + length));
    at += length;
  }
  return found;
}
