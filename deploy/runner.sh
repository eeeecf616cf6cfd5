#!/usr/bin/env bash
# A whole runner in bash, curl and jq: what the protocol asks of one, and no more. It shows the two calls;
# `guruguru runner` adds what a machine you rely on needs: separate step results, timeouts, secrets, redaction,
# clean-up of left-over processes, delivery after a restart, and the check that a workdir is allowed.
# GURUGURU_URL, GURUGURU_RUNNER_TOKEN; GURUGURU_RUNNER_NAME, GURUGURU_RUNNER_LABELS (JSON list) if you like.
set -euo pipefail
: "${GURUGURU_URL:?the address of the app}" "${GURUGURU_RUNNER_TOKEN:?guruguru token create NAME --repo owner/name}"
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
process=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf 'authorization: Bearer %s\ncontent-type: application/json\n' "$GURUGURU_RUNNER_TOKEN" > headers

post() { curl -sS --max-time 40 -o answer -w '%{http_code}' -H @headers --data-binary @- "$GURUGURU_URL/api/runner/$1" || true; }
sync() { # phase [result]: sends the next piece of the log; the app's answer says where the one after begins
  tail -c "+$((offset + 1))" log | head -c 48000 | base64 | tr -d '\n' > chunk
  code=$(jq -n --arg phase "$1" --argjson result "${2:-null}" --argjson offset "$offset" --rawfile data chunk \
    --arg process "$process" --slurpfile o offer '{fence: $o[0].fence, token: $o[0].token, process: $process, phase: $phase}
    + if $data == "" then {} else {log: {offset: $offset, data: $data}} end
    + if $result == null then {} else {result: $result} end' | post "runs/$run/sync")
  case $code in 200 | 412 | 416) offset=$(jq '.offset // 0' answer) ;; esac
}
records() { jq -cR --unbuffered --arg s "$1" --argjson t0 "$t0" '{s: $s, t: (now - $t0), d: .[:16000]}' >> log; }

while :; do
  code=$(jq -n --arg name "${GURUGURU_RUNNER_NAME:-$(hostname)}" --arg process "$process" \
    --argjson labels "${GURUGURU_RUNNER_LABELS:-[]}" '{name: $name, process: $process, labels: $labels,
    capabilities: ["bash", "jq"], version: "sh", wait: 25}' | post acquire)
  [ "$code" = 200 ] || { [ "$code" = 204 ] || sleep 5; continue; }
  mv answer offer && run=$(jq -r .run offer) && offset=0 && : > log
  jq -j .file offer > job && jq -r '.script[]' job > script
  until sync starting && [[ $code == [24]?? ]]; do sleep 2; done # no answer yet: nothing may run
  [ "$code" = 200 ] && jq -e '.cancel | not' answer > /dev/null || continue
  t0=$(date +%s) outcome=exited
  (cd "$(jq -r .workdir job)" && exec env -u GURUGURU_RUNNER_TOKEN bash -eo pipefail "$dir/script") < /dev/null > >(records out) 2> >(records err) &
  while kill -0 $! 2> /dev/null; do # each call renews the lease
    sync running
    [ "$code" = 200 ] && jq -e .cancel answer > /dev/null && outcome=cancelled && kill $! 2> /dev/null
    sleep 0.5
  done
  exit=0 && wait $! || exit=$?
  sleep 0.5 # the last lines reach the log
  result=$(jq -n --arg outcome $outcome --argjson exit $exit --argjson t0 "$t0" --argjson bytes "$(wc -c < log)" '{outcome: $outcome,
    exit_code: $exit, signal: null, started_at: ($t0 | todate), finished_at: (now | floor | todate), duration_seconds: ([now - $t0, 0] | max),
    steps: [], message: (if $outcome == "exited" then null else $outcome end), report: null, log_bytes: $bytes}')
  until sync finished "$result" && [[ $code == 200 || $code == 40? ]]; do [[ $code == 41? ]] || sleep 2; done
done
