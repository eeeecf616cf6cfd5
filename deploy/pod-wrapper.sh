# What a job's container runs in a pod (src/runner/kubernetes/pod-wrapper.ts): bash 4 or newer, coreutils, Linux.
# Its arguments are the text of the shell driver, in parts; its settings come as GURUGURU_* variables.
exec 2>/dev/null </dev/null
saved=${LC_ALL-}; had=${LC_ALL+1}; LC_ALL=C
n=0; part=; open=; stopped=; flood=; quiet=0; drained=; SECONDS=0; t0=${EPOCHREALTIME-}; t0=${t0/./}
say() {
  local ms p
  if [ -n "$t0" ]; then ms=${EPOCHREALTIME/./}; ms=$(((ms - t0) / 1000)); else ms=$((SECONDS * 1000)); fi
  n=$((n + 1)); p=${2//\\/\\\\}; p=${p//$'\n'/\\n}
  printf 'gg %d %d %s %s\n' "$n" "$ms" "$1" "$p"
}
refuse() { say N "$1"; say Z ''; exit 90; }
d=$GURUGURU_FOLDER; cd "$d" || refuse "$d cannot be written in the container"
umask 077
mkfifo out err mark answer || refuse 'mkfifo does not work in this image: it needs bash and coreutils'
printf %s "$@" >job
[ "$GURUGURU_MAKE_WORKDIR" = 1 ] && mkdir -p -- "$GURUGURU_WORKDIR"
cd -- "$GURUGURU_WORKDIR" || refuse "workdir: $GURUGURU_WORKDIR does not exist in the workspace. Create it there (git clone) or correct the job file."
root=$(cd -- "$GURUGURU_ROOT" && pwd -P); here=$(pwd -P)
case $here/ in "$root"/*) ;; *) refuse "workdir: $GURUGURU_WORKDIR is $here in the workspace, which is outside $root" ;; esac
exec 10<>"$d/out" 11<>"$d/err" 13<>"$d/answer"
limit=$GURUGURU_LIMIT grace=$GURUGURU_GRACE report=$GURUGURU_REPORT
set -m
(
  if [ -n "$had" ]; then LC_ALL=$saved; else unset LC_ALL; fi
  unset GURUGURU_FOLDER GURUGURU_ROOT GURUGURU_WORKDIR GURUGURU_MAKE_WORKDIR GURUGURU_LIMIT GURUGURU_GRACE
  exec bash --noprofile --norc "$d/job" >"$d/out" 2>"$d/err" 3>"$d/mark" 4<"$d/answer" 10>&- 11>&- 13>&-
) &
pid=$!
set +m
exec 12<"$d/mark"
put() { say "$1" "$2"; drained=1; case $2 in *$'\n') open= ;; *) open=1 ;; esac; }
# `read` with a time limit takes byte by byte: enough for a trickle. A flood is taken by dd, at what a fork costs.
take() {
  local c=
  if [ "$flood" = "$2" ]; then
    c=$(dd bs=65536 count=1 <&"$2"; printf x); c=${c%x}
    [ "${#c}" -lt 4000 ] && flood=
    while [ -n "$c" ]; do put "$1" "${c:0:4000}"; c=${c:4000}; done
  else
    IFS= read -r -N 4000 -t 0.01 -u "$2" c
    [ -n "$c" ] && put "$1" "$c"
    [ "${#c}" -ge 4000 ] && flood=$2
  fi
}
drain() {
  local i=0 more=1
  drained=
  while [ -n "$more" ] && [ "$i" -lt 40 ]; do
    more=; i=$((i + 1))
    read -t 0 -u 10 && { take O 10; more=1; }
    read -t 0 -u 11 && { take E 11; more=1; }
  done
}
stop() { [ -n "$stopped" ] && return; stopped=$1; say T "$1"; kill -TERM -- "-$pid"; last=$((SECONDS + grace)); }
trap 'stop term' TERM
idle() {
  drain
  if [ -n "$drained" ]; then quiet=0; else quiet=$((quiet + 1)); fi
  if [ -n "$open" ] && [ "$quiet" -ge 4 ]; then open=; say F ''; fi
  [ "$SECONDS" -ge "$limit" ] && stop timeout
  [ -n "$stopped" ] && [ "$SECONDS" -ge "$last" ] && kill -KILL -- "-$pid"
}
while :; do
  if [ "$quiet" -lt 20 ]; then nap=0.05; else nap=0.25; fi
  if IFS= read -r -t "$nap" -u 12 m; then
    m=$part$m; part=; drain; say M "$m"; quiet=0
    case $m in S*) printf '\n' >&13 ;; esac
  elif [ $? -le 128 ]; then
    kill -0 "$pid" || break
    idle; read -t 0.05 -u 13
  else
    # The time may be over in the middle of a mark: its other half is still to come.
    part=$part$m; idle
  fi
done
wait "$pid"; code=$?
for i in 1 2 3 4 5; do drain; [ -z "$drained" ] && break; read -t 0.05 -u 13; done
say X "$code"
if [ -f "$report" ] && [ ! -L "$report" ]; then
  size=$(wc -c <"$report")
  if [ "$size" -gt 65536 ]; then say r "it has $((size)) bytes; at most 65536 are taken"
  else while :; do c=; IFS= read -r -N 4000 c; [ -n "$c" ] && say R "$c"; [ "${#c}" -lt 4000 ] && break; done <"$report"
  fi
elif [ -e "$report" ] || [ -L "$report" ]; then say r 'it is not a plain file'
fi
say Z ''
exit "$code"
