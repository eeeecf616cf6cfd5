import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A stand-in for the Codex CLI that speaks the same lines: the brief it is given is bash, with `event` for a line of
 * JSON and `say` for a message of plain words. Its arguments are in `$ARGUMENTS`. Returns a PATH with it in front.
 */
export function fakeCodex(folder: string, path = process.env.PATH ?? ''): string {
  const bin = join(folder, 'fake-bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'codex'), SCRIPT);
  chmodSync(join(bin, 'codex'), 0o755);
  return `${bin}:${path}`;
}

const SCRIPT = `#!/usr/bin/env bash
if [ "$1" = --version ]; then echo 'codex-cli 0.0.0-fake'; exit 0; fi
ARGUMENTS="$*"
event() { printf '%s\\n' "$1"; }
say() { event "{\\"type\\":\\"item.completed\\",\\"item\\":{\\"id\\":\\"i\\",\\"type\\":\\"agent_message\\",\\"text\\":\\"$*\\"}}"; }
brief="$(cat)"
event '{"type":"thread.started","thread_id":"t-1"}'
event '{"type":"turn.started"}'
eval "$brief"
event '{"type":"turn.completed","usage":{"input_tokens":1200,"cached_input_tokens":200,"output_tokens":34,"reasoning_output_tokens":4}}'
`;
