import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../../src/job/run-result.ts';
import { frameRecords } from '../../../src/runner/kubernetes/frame-records.ts';

const LOG = [
  'gg 1 5 M S 0',
  'gg 2 9 O one\\ntw',
  'gg 3 250 F ',
  'gg 4 300 O o\\n\\\\n is no newline\\n',
  'gg 5 310 E secret-',
  'gg 6 320 E value\\n',
  'something else in the log',
  'gg 7 400 M D 0 0',
  'gg 8 401 M S 1',
  'gg 9 420 X 7',
  'gg 10 421 R {"a":',
  'gg 11 422 R 1}',
  'gg 12 423 Z ',
].map((line) => `${line}\n`);

function reader(skip = 0) {
  const records: LogRecord[] = [];
  const frames = frameRecords({ hide: ['secret-value'], skip, onRecord: (record) => records.push(record) });
  return { frames, records };
}

describe('frameRecords', () => {
  it('makes records, steps, exit code and report of frames, and hides a secret cut in two', () => {
    const { frames, records } = reader();
    frames.reading()(Buffer.from(LOG.join('')));
    expect(records).toEqual([
      { s: 'step', t: 0.005, line: 0 },
      { s: 'out', t: 0.009, d: 'one' },
      { s: 'out', t: 0.25, d: 'tw', p: true },
      { s: 'out', t: 0.3, d: 'o' },
      { s: 'out', t: 0.3, d: '\\n is no newline' },
      { s: 'err', t: 0.32, d: '***' },
      { s: 'done', t: 0.4, line: 0, exit_code: 0 },
      { s: 'step', t: 0.401, line: 1 },
      { s: 'done', t: 0.42, line: 1, exit_code: 7 },
    ]);
    expect(frames.story).toMatchObject({ exitCode: 7, complete: true, missing: 0, seconds: 0.423 });
    expect(frames.story.report?.toString()).toBe('{"a":1}');
  });

  it('makes the same records however often and wherever the log is cut', () => {
    const whole = reader();
    whole.frames.reading()(Buffer.from(LOG.join('')));
    const text = Buffer.from(LOG.join(''));
    for (let cut = 1; cut < text.length; cut += 7) {
      const { frames, records } = reader();
      frames.reading()(text.subarray(0, cut));
      const again = frames.reading();
      for (let at = 0; at < text.length; at += 11) again(text.subarray(at, at + 11));
      expect(records).toEqual(whole.records);
      expect(frames.story).toEqual(whole.frames.story);
    }
  });

  it('passes over what an earlier process has kept, but not where the beginning is gone', () => {
    const whole = reader();
    whole.frames.reading()(Buffer.from(LOG.join('')));
    const later = reader(4);
    later.frames.reading()(Buffer.from(LOG.join('')));
    expect(later.records).toEqual(whole.records.slice(4));
    const rotated = reader(4);
    rotated.frames.reading()(Buffer.from(LOG.slice(3).join('')));
    expect(rotated.records.map((record) => record.s)).toEqual(['out', 'out', 'err', 'step', 'done']);
    expect(rotated.frames.story.missing).toBe(3);
  });

  it('counts what is gone, and takes the exit code of the container when the log has none', () => {
    const { frames } = reader();
    frames.reading()(Buffer.from([LOG[0], LOG[4], LOG[5]].join('')));
    frames.finish(9);
    expect(frames.story).toMatchObject({ missing: 3, exitCode: 9, complete: false });
    expect(frames.story.steps).toEqual([
      { line: 0, exit_code: 9, started_seconds: 0.005, duration_seconds: 0.315 },
    ]);
  });
});
