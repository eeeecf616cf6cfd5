#!/usr/bin/env bash
# A whole runner in bash, curl and jq: what the protocol asks of one, and no more. It shows the two calls;
# `guruguru runner` adds what a machine you rely on needs: secrets, redaction, clean-up of processes that left
# the group, delivery after a restart, and the check that a workdir is allowed.
# GURUGURU_URL, GURUGURU_RUNNER_TOKEN; GURUGURU_RUNNER_NAME, GURUGURU_RUNNER_LABELS (JSON list) if you like.
set -euo pipefail
: "${GURUGURU_URL:?the address of the app}" "${GURUGURU_RUNNER_TOKEN:?guruguru token create NAME --repo owner/name}"
dir=$(mktemp -d) pid='' && trap '[ -z "$pid" ] || kill -- "-$pid" 2> /dev/null; rm -rf "$dir"' EXIT && trap 'exit 1' INT TERM
cd "$dir" && mkfifo out err
process=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf 'authorization: Bearer %s\ncontent-type: application/json\n' "$GURUGURU_RUNNER_TOKEN" > headers

post() { curl -sS --max-time 40 -o answer -w '%{http_code}' -H @headers --data-binary @- "$GURUGURU_URL/api/runner/$1" || true; }
sync() { # phase [result]: sends the next piece of the log; the app's answer says where the one after begins
  { tail -c "+$((offset + 1))" log || true; } | head -c 48000 | base64 | tr -d '\n' > chunk # head ends tail
  code=$(jq -n --arg phase "$1" --argjson result "${2:-null}" --argjson offset "$offset" --rawfile data chunk \
    --arg process "$process" --slurpfile o offer '{fence: $o[0].fence, token: $o[0].token, process: $process, phase: $phase}
    + if $data == "" then {} else {log: {offset: $offset, data: $data}} end
    + if $phase == "running" and ($data | length) < 60000 then {wait: 0.5} else {} end
    + if $result == null then {} else {result: $result} end' | post "runs/$run/sync")
  case $code in 200 | 412 | 416) offset=$(jq '.offset // 0' answer) ;; esac
}
records() { # stream: its lines as log records, short ones (written whole, so two writers share the log), 8 MB at most
  jq -cnRr --unbuffered --arg s "$1" 'now as $t0 | foreach (inputs | . as $line | range(0; [length, 1] | max; 500)
    | {s: $s, t: (now - $t0), d: $line[.:. + 500]} + if . + 500 < ($line | length) then {p: true} else {} end | tojson) as $record
    (0; . + ($record | utf8bytelength) + 1; if . < 8000000 then $record else empty end)' < "$1" >> log
}

while :; do
  code=$(jq -n --arg name "${GURUGURU_RUNNER_NAME:-$(hostname)}" --arg process "$process" \
    --argjson labels "${GURUGURU_RUNNER_LABELS:-[]}" '{name: $name, process: $process, labels: $labels,
    capabilities: ["bash", "jq"], version: "sh", wait: 25}' | post acquire)
  case $code in 200) ;; 204) continue ;; 40?) jq -r .message answer >&2 && exit 1 ;; *) sleep 5 && continue ;; esac
  mv answer offer && run=$(jq -r .run offer) && offset=0 && : > log && : > marks && jq -j .file offer > job
  # What was done and when goes to a descriptor of its own, never through the output.
  jq -r '(.env // {} | to_entries[] | "export \(.key)=\(.value | @sh)"), (.script | to_entries[]
    | "echo S \(.key) $SECONDS >&9\n\(.value)\necho D \(.key) $SECONDS $? >&9")' job > script
  until sync starting && [[ $code == [24]?? ]]; do sleep 1; done # no answer yet: nothing may run
  [ "$code" = 200 ] && jq -e '.cancel | not' answer > /dev/null || continue
  t0=$(date +%s) SECONDS=0 outcome=exited limit=$(jq '60 * (.timeout_minutes // 30)' job)
  records out & out=$!
  records err & err=$!
  set -m # a group of its own, so that a cancel ends all of it
  (cd "$(jq -r .workdir job)" && jq -e "(.secrets // []) == [] or error(\"secrets: this runner has none to give\")" "$dir/job" > /dev/null &&
    exec env -u GURUGURU_RUNNER_TOKEN bash -eo pipefail "$dir/script") < /dev/null > out 2> err 9> marks &
  pid=$! && set +m
  while kill -0 "$pid" 2> /dev/null; do # each call renews the lease, waits a little, and is answered at once when there is a cancel
    sync running
    end='' && [ "$SECONDS" -lt "$limit" ] || end=timeout
    [ "$code" = 200 ] && jq -e .cancel answer > /dev/null && end=cancelled
    [ "$outcome" != exited ] || [ -z "$end" ] || { outcome=$end limit=$((SECONDS + 10)) && kill -- "-$pid"; }
    [ "$outcome" = exited ] || [ "$SECONDS" -lt "$limit" ] || kill -9 -- "-$pid"
    [ "$code" = 200 ] || sleep 1
  done
  exit=0 && wait "$pid" || exit=$?
  kill -- "-$pid" 2> /dev/null || true
  for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$out" "$err" 2> /dev/null && sleep 0.2; done # the last lines reach the log
  kill "$out" "$err" 2> /dev/null || true
  pid='' && wait "$out" "$err" || true
  result=$(jq -nR --arg outcome "$outcome" --argjson exit "$exit" --argjson t0 "$t0" --argjson bytes "$(wc -c < log)" '
    [inputs / " "] as $marks | (now - $t0) as $seconds | {outcome: $outcome, exit_code: $exit, signal: null,
    started_at: ($t0 | todate), finished_at: (now | floor | todate), duration_seconds: ([$seconds, 0] | max),
    steps: [$marks[] | select(.[0] == "S") | map(tonumber? // .) as [$_, $line, $from]
      | ([$marks[] | select(.[0] == "D" and .[1] == "\($line)") | map(tonumber? // .)][0] // ["D", $line, $from, $exit]) as $done
      | {line: $line, exit_code: $done[3], started_seconds: $from, duration_seconds: ($done[2] - $from)}],
    message: (if $outcome == "exited" then null else $outcome end), report: null, log_bytes: $bytes}' marks)
  while sync finished "$result"; do
    case $code in 412 | 416) ;; 200 | 40[0-79] | 413) break ;; *) sleep 1 ;; esac
  done
done
