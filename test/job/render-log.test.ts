import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLog, outputsOf } from '../../src/job/render-log.ts';
import { type LogRecord, logRecord } from '../../src/job/run-result.ts';

describe('decodeLog', () => {
  it('takes exactly what the schema takes', () => {
    const field = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
    const odd = fc.oneof(fc.integer(), fc.double(), fc.string(), fc.boolean(), fc.constant(null));
    const record = fc.record({
      s: fc.oneof(fc.constantFrom('out', 'err', 'note', 'step', 'done'), odd),
      t: field(fc.oneof(fc.double({ noNaN: true }), odd)),
      d: field(fc.oneof(fc.string(), odd)),
      p: field(fc.oneof(fc.constant(true), odd)),
      line: field(fc.oneof(fc.nat(), fc.maxSafeInteger(), odd)),
      exit_code: field(fc.oneof(fc.nat(), odd)),
      more: field(odd),
    });
    fc.assert(
      fc.property(fc.oneof(record, odd, fc.array(odd)), (value) => {
        const line = JSON.stringify(value);
        const { success } = logRecord.safeParse(JSON.parse(line));
        expect(decodeLog(line)).toEqual(success ? [JSON.parse(line)] : []);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['{"s":"out","t":1,"d":"x"}', true],
    ['{"s":"out","t":1,"d":"x","p":true}', true],
    ['{"s":"out","t":1,"d":"x","p":false}', false],
    ['{"s":"out","t":1,"d":"x","q":true}', false],
    ['{"s":"out","t":1e999,"d":"x"}', false],
    ['{"s":"note","t":1,"d":"x"}', true],
    ['{"s":"note","t":1,"d":"x","p":true}', false],
    ['{"s":"step","t":1,"line":0}', true],
    ['{"s":"step","t":1,"line":0.5}', false],
    ['{"s":"done","t":1,"line":0,"exit_code":1}', true],
    ['{"s":"done","t":1,"line":0}', false],
    ['{"s":"else","t":1,"d":"x"}', false],
    ['[]', false],
    ['null', false],
  ])('%s', (line, taken) => {
    expect(logRecord.safeParse(JSON.parse(line)).success).toBe(taken);
    expect(decodeLog(`${line}\n`)).toHaveLength(taken ? 1 : 0);
  });
});

describe('outputsOf', () => {
  it('gives the last 1 MiB of each stream, and all of a short one', () => {
    const records: LogRecord[] = Array.from({ length: 200_000 }, (_, n) => ({
      s: n === 3 ? 'err' : 'out',
      t: 0,
      d: `line ${n}`,
    }));
    const { stdout, stderr } = outputsOf(records);
    expect(stderr).toBe('line 3\n');
    expect(Buffer.byteLength(stdout)).toBe(1024 * 1024);
    expect(stdout.endsWith('line 199998\nline 199999\n')).toBe(true);
  });
});
