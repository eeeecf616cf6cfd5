import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { decodeLog } from '../../src/job/render-log.ts';
import { type LogSpoolPaths, openLogSpool, repairLogSpool } from '../../src/runner/log-spool.ts';

let folder: string;
let paths: LogSpoolPaths;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spool-'));
  paths = { uploadPath: join(folder, 'upload'), fullPath: join(folder, 'full') };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const limits = { headBytes: 1000, tailBytes: 500, diskBytes: 1_000_000 };
const line = (n: number) => ({ s: 'out' as const, t: n, d: `line ${n}` });
const texts = (bytes: Uint8Array) => decodeLog(bytes).map((record) => ('d' in record ? record.d : ''));

describe('openLogSpool', () => {
  it('keeps a log that fits as it is, readable from any offset', () => {
    const spool = openLogSpool(paths, limits);
    for (let n = 0; n < 5; n += 1) spool.write(line(n));
    const size = spool.finish();
    expect(texts(spool.read(0, size))).toEqual(['line 0', 'line 1', 'line 2', 'line 3', 'line 4']);
    expect(spool.read(size - 5, 100)).toHaveLength(5);
    expect(spool.read(size, 100)).toHaveLength(0);
    spool.close();
    expect(() => statSync(paths.fullPath)).toThrow();
  });

  it('gives the same bytes whatever the order and length of the reads, and whole records (property)', () => {
    let count = 0;
    const record = fc.record({
      s: fc.constantFrom('out' as const, 'err' as const),
      t: fc.nat(9),
      d: fc.string(),
    });
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 40 }),
        fc.array(fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 900 })), { maxLength: 8 }),
        (records, reads) => {
          count += 1;
          const own = {
            uploadPath: join(folder, `upload-${count}`),
            fullPath: join(folder, `full-${count}`),
          };
          const spool = openLogSpool(own, limits);
          for (const one of records) spool.write(one);
          const size = spool.finish();
          const whole = readFileSync(own.uploadPath);
          expect(whole).toHaveLength(size);
          for (const [offset, length] of reads)
            expect(spool.read(offset, length)).toEqual(whole.subarray(offset, offset + length));
          spool.close();
          expect(size).toBeLessThan(limits.headBytes + limits.tailBytes + 300);
          const lines = whole.toString().split('\n').filter(Boolean);
          for (const text of lines) expect(() => JSON.parse(text)).not.toThrow();
          const all = records.map((one) => JSON.stringify(one));
          const kept = lines.filter((text) => !text.startsWith('{"s":"note"'));
          // Nothing is changed or out of order; only the middle of a long log may be missing.
          const head = kept.findIndex((text, at) => text !== all[at]);
          const tail = head < 0 ? 0 : kept.length - head;
          expect(kept.slice(kept.length - tail)).toEqual(tail > 0 ? all.slice(-tail) : []);
          if (kept.length === lines.length) expect(kept).toEqual(all);
        },
      ),
      { numRuns: 60 },
    );
  });

  // Linux has a device that is always full.
  it.runIf(existsSync('/dev/full'))('outlives a full disk: nothing thrown, nothing half written', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const spool = openLogSpool({ ...paths, uploadPath: '/dev/full' }, limits);
    for (let n = 0; n < 2000; n += 1) spool.write(line(n));
    // Also when the timer writes.
    vi.advanceTimersByTime(100);
    spool.write(line(2000));
    expect(spool.finish()).toBe(0);
    expect(spool.read(0, 100)).toHaveLength(0);
    spool.close();
  });

  it('goes on without the full file when the disk does not take it, and says so', () => {
    const spool = openLogSpool({ ...paths, fullPath: join(folder, 'none', 'full') }, limits);
    for (let n = 0; n < 2000; n += 1) spool.write(line(n));
    const shown = texts(spool.read(0, spool.finish()));
    spool.close();
    expect(shown[0]).toBe('line 0');
    expect(shown.at(-1)).toBe('line 1999');
    expect(shown.join('\n')).toContain('has not all of it (ENOENT');
  });

  it('keeps head and tail of a longer one, says what is missing, and leaves the whole on disk', () => {
    const spool = openLogSpool(paths, limits);
    for (let n = 0; n < 2000; n += 1) spool.write(line(n));
    const size = spool.finish();
    expect(size).toBeLessThan(1800);
    const shown = texts(spool.read(0, size));
    spool.close();
    expect(shown[0]).toBe('line 0');
    expect(shown.at(-1)).toBe('line 1999');
    const note = shown.find((text) => text.includes('left out')) ?? '';
    expect(note).toContain(paths.fullPath);
    expect(texts(readFileSync(paths.fullPath))).toHaveLength(2000);
    const missing = Number(/^\d+/.exec(note)?.[0]);
    const whole = statSync(paths.fullPath).size;
    const noteBytes = Buffer.byteLength(`${JSON.stringify({ s: 'note', t: 1999, d: note })}\n`);
    expect(size - noteBytes + missing).toBe(whole);
  });

  it('says nothing is missing when head and tail meet', () => {
    const spool = openLogSpool(paths, limits);
    for (let n = 0; n < 40; n += 1) spool.write(line(n));
    const shown = texts(spool.read(0, spool.finish()));
    spool.close();
    expect(shown).toEqual(Array.from({ length: 40 }, (_, n) => `line ${n}`));
  });

  it('stops at the disk limit', () => {
    const spool = openLogSpool(paths, { ...limits, diskBytes: 3000 });
    for (let n = 0; n < 10_000; n += 1) spool.write(line(n));
    spool.finish();
    spool.close();
    expect(statSync(paths.fullPath).size).toBeLessThanOrEqual(3000);
  });

  it('tells of growth only once the bytes can be read', () => {
    const sizes: number[] = [];
    const spool = openLogSpool(paths, limits, () => sizes.push(spool.size()));
    spool.write(line(1));
    expect(spool.size()).toBe(0);
    spool.finish();
    spool.close();
    expect(sizes[0]).toBeGreaterThan(0);
  });
});

describe('repairLogSpool', () => {
  it('removes a half-written record and adds the note', () => {
    appendFileSync(paths.uploadPath, `${JSON.stringify(line(1))}\n{"s":"out","t":2,"d":"hal`);
    const size = repairLogSpool(paths, 'killed');
    expect(readFileSync(paths.uploadPath)).toHaveLength(size);
    expect(texts(readFileSync(paths.uploadPath))).toEqual(['line 1', 'killed']);
  });

  it('puts the tail of a long log in its place', () => {
    const spool = openLogSpool(paths, limits);
    for (let n = 0; n < 5000; n += 1) spool.write(line(n));
    // No finish: the runner was killed. What is in memory is lost.
    const size = repairLogSpool(paths, 'killed', { tailBytes: 500 });
    const shown = texts(readFileSync(paths.uploadPath));
    spool.close();
    expect(size).toBeLessThan(2000);
    expect(shown[0]).toBe('line 0');
    expect(shown.at(-1)).toBe('killed');
    expect(shown.some((text) => text.includes('left out'))).toBe(true);
    expect(Number(shown.at(-2)?.slice(5))).toBeGreaterThan(3000);
  });

  it('makes a log where there is none', () => {
    expect(repairLogSpool(paths, 'killed')).toBe(statSync(paths.uploadPath).size);
  });
});
