import type { Finding } from '../job/finding.ts';
import type { JobState } from '../job/state.ts';
import type { enReplies, ListedJob, PausedWords } from './en-replies.ts';
import { formatCount, formatTime, shortSha } from './format.ts';
import { cell, code, codeCell, fence, list, paragraphs, quote } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import { clip } from './plain-text.ts';
import type { Needs } from './policy-words.ts';
import type { WaitReason } from './reasons.ts';

export const JA_STATES: Record<JobState, string> = {
  proposed: '承認待ち',
  queued: '実行待ち',
  leased: '開始処理中',
  running: '実行中',
  succeeded: '成功',
  failed: '失敗',
  cancelled: 'キャンセル済み',
  lost: '結果不明',
  rejected: 'PR が閉じられた',
  superseded: '置き換え済み',
};

const jobList = (jobs: readonly ListedJob[]) =>
  list(
    jobs.map(
      (job) => `${code(job.id)}（${JA_STATES[job.state]}）${job.title ? ` ${cell(job.title, 120)}` : ''}`,
    ),
  );

const WAITS: Record<WaitReason, string> = {
  settings: '設定が `gate.fenced: approve` になっている',
  no_permission: '依頼した人だけでは承認できない',
  findings: '検証で、人の目で確かめるべき警告が出ている',
  branch_rules: 'デフォルトブランチのルールが、先にレビューやチェックを求めている',
  replanned: '変更を求められた計画を作り直したものである',
  policy: 'ポリシーが、ほかの人の承認を求めている',
};

export const jaReplies: typeof enReplies = {
  findings: (p) => jaFindings(p.findings),
  askNoPermission: (p) =>
    paragraphs(
      `**開始していません。** 依頼にはこのリポジトリへの書き込み権限が必要です。${code(p.login)} さんの権限は ${code(p.permission)} です。`,
      `書き込み権限のある人が、同じ内容を自分の ${code(p.trigger)} として投稿すれば始められます。`,
    ),
  askOutsidePolicy: (p) =>
    paragraphs(
      `**開始していません。** 依頼には${needed(p.needs)}が必要です。${code(p.login)} さんの権限は ${code(p.permission)} です${p.needs.teams.length > 0 ? '（アプリから見える限り、これらのチームには入っていません）' : ''}。`,
      p.needs.unreadable && TEAMS_UNREADABLE,
      `条件を満たす人が、同じ内容を自分の ${code(p.trigger)} として投稿すれば始められます。`,
    ),
  capAsks: (p) =>
    `**開始していません。** ${code(p.login)} さんは 1 日の依頼数の上限（${p.limit} 件、\`limits.asks_per_person_per_day\`）に達しました。${formatTime(p.resetsAt, p.timeZone)} に戻ります。その後に依頼し直してください。`,
  capModel: (p) => {
    const what =
      p.cap === 'tokens'
        ? `モデルのトークン（1 日 ${formatCount(p.limit)}、使用 ${formatCount(p.used)}、\`limits.tokens_per_day\`）`
        : `モデルの費用（1 日 USD ${p.limit}、使用 約 ${p.used.toFixed(2)}、\`limits.usd_per_day\`）`;
    return `**計画を立てていません。** このリポジトリは${what}の上限に達しました。${formatTime(p.resetsAt, p.timeZone)} に戻ります。その後に依頼し直してください。\`sh\` ブロックの依頼にモデルは要りません。`;
  },
  askPaused: (p) =>
    `**お預かりしています。** ${pausedBy(p)}この依頼は${p.source === 'command' ? `${code('/resume')} で` : '解除されると'}自動で続きます。何もする必要はありません。`,
  pauseDone: () =>
    `**一時停止しました。** ${code('/resume')} まで、計画、アプリによるマージ、ジョブの開始をしません。実行中のジョブは続き、新しい依頼は預かります。`,
  pauseAlready: (p) => `${pausedBy(p)}変わりはありません。`,
  resumeDone: () => '**再開しました。** 待っていたものが続きます。',
  resumeNothing: () => '**何もしていません。** このリポジトリは一時停止していません。',
  resumeNot: (p) =>
    `**まだ一時停止中です。** ${pausedBy(p)}${p.source === 'file' ? 'デフォルトブランチの設定から外してください。' : 'アプリの運用者が解除する必要があります。'}`,
  approvePaused: (p) => `承認を記録しました。${pausedBy(p)}解除されると PR をマージします。`,
  approveOutsidePolicy: (p) =>
    paragraphs(
      `**承認していません。** 承認には${needed(p.needs)}が必要ですが、${code(p.login)} さんは満たしていません。`,
      p.needs.unreadable && TEAMS_UNREADABLE,
    ),
  approveOwn: (p) =>
    `**承認していません。** ポリシーでは、自分が依頼した、または書いたものは承認できません（\`approve.own: false\`）。これは ${code(p.login)} さんのものなので、ほかの人の承認が必要です。`,
  approveCounted: (p) =>
    `承認 ${p.have} 件を記録しました（必要数 ${p.count}）。あと ${p.count - p.have} 人がこの先頭コミットを承認するとマージされます。`,
  approvalsMissing: (p) =>
    `**実行していません。** ${code(p.jobId)} は ${code(p.login)} さんがマージしましたが、ポリシーは${needed(p.needs)}を求めています。満たす人が ${code(`/retry ${p.jobId}`)} と書けば承認になります。`,
  notRunSettings: (p) =>
    paragraphs(
      '**実行していません。** デフォルトブランチにある設定ファイルに誤りがあり、誰が承認できるかが分かりません。',
      jaFindings(p.findings),
      `デフォルトブランチで直してから、${code(`/retry ${p.jobId}`)} と書いてください。`,
    ),
  approveSettings: (p) =>
    paragraphs(
      '**承認していません。** デフォルトブランチにある設定ファイルに誤りがあり、誰が承認できるかが分かりません。',
      jaFindings(p.findings),
      'デフォルトブランチで直してから、もう一度承認してください。',
    ),
  overrideNobody: () =>
    '**解除していません。** ポリシーに `owners` がないため、誰も解除できません。ジョブを変えるか、別の PR でポリシーを変えてください。',
  overrideNotOwner: (p) =>
    `**解除していません。** ${code(p.login)} さんはポリシーの \`owners\` に入っていません。`,
  overrideUnknown: (p) =>
    `**解除していません。** ${code(p.rule)} はここで何も拒否していません${p.rules.length > 0 ? `。拒否しているもの: ${p.rules.map((rule) => code(rule)).join('、')}` : ''}。${code('/approve --override <rule>')} と書いてください。`,
  overridden: (p) =>
    `**ポリシーを解除**: ${code(p.login)} さんが、コミット ${code(shortSha(p.head))} について次を解除しました: ${p.rules.map((rule) => code(rule)).join('、')}。`,
  askEmpty: (p) =>
    paragraphs(
      `**まだ何もしていません。** ${code(p.trigger)} の後に内容がありません。やりたいことを新しいコメントに書いてください。例:`,
      fence(`${p.trigger} スモークテストを流して、失敗したものを教えて`, 'text'),
      `コマンドの一覧は ${code('/help')} で見られます。`,
    ),
  askTooLong: (p) =>
    paragraphs(
      `**開始していません。** 依頼が長すぎます（${Math.ceil(p.bytes / 1024)} KiB、上限は ${Math.floor(p.limitBytes / 1024)} KiB）。`,
      '長い部分はリポジトリのファイルに置き、そのファイル名を挙げて依頼し直してください。',
    ),
  editNotRead: (p) =>
    `**編集は読み取りません。** 投稿済みの文章に後から ${code(p.trigger)} を足しても始まりません。新しいコメントとして投稿してください。`,
  settingsBroken: (p) =>
    paragraphs(
      '**開始していません。** デフォルトブランチにある設定ファイルに誤りがあります。',
      jaFindings(p.findings),
      'デフォルトブランチで直してから、もう一度依頼してください。',
    ),
  noModelKey: (p) =>
    paragraphs(
      '**計画を立てられません。** モデルが設定されていないため、文章の依頼は受けられません。次のどちらかで進められます。',
      '1. 実行したいコマンドを `sh` ブロックひとつで書く（モデルは不要です）:',
      fence(`${p.trigger} スモークテスト\n\`\`\`sh\npytest tests/smoke\n\`\`\``, 'md'),
      '2. アプリの運用者が `OPENAI_API_KEY` を設定してから、依頼し直す。',
    ),
  modelInvalidOutput: (p) =>
    paragraphs(
      `**計画を立てられませんでした。** モデルの出力が ${p.calls} 回続けて検証を通りませんでした。何も実行していません。`,
      '依頼を小さく分けるか、コマンドを `sh` ブロックひとつで書いて依頼し直してください。',
      p.errors.length > 0 && fence(clip(p.errors.join('\n'), 2000)),
    ),
  modelRefused: (p) =>
    paragraphs(
      '**計画を立てられませんでした。** モデルが次の理由で断りました。',
      quote(p.text),
      '何も実行していません。書き方を変えて依頼し直してください。',
    ),
  modelCutShort: () =>
    '**計画を立てられませんでした。** 計画がモデルの出力上限を超えました。何も実行していません。一度に頼む量を減らしてください。',
  modelUnavailable: (p) =>
    `**計画を立てられませんでした。** モデルが ${p.attempts} 回とも応答しませんでした。何も実行していません。時間をおいて依頼し直してください。\`sh\` ブロックの依頼ならモデルなしで進みます。`,
  modelMisconfigured: (p) =>
    paragraphs(
      `**計画を立てられませんでした。** モデルを呼び出せません: ${neutraliseInline(p.message)}`,
      'アプリの運用者が `OPENAI_API_KEY`、`OPENAI_BASE_URL`、`GURUGURU_MODEL` を確認してください（`guruguru doctor` で試せます）。直ったら依頼し直してください。',
    ),
  dispatchGit: () =>
    paragraphs(
      '**ここではアプリはジョブを実行しません。** 設定が `dispatch: git` なので、`guruguru runner --git` で動くランナーが `jobs/queue/` から直接ジョブを取ります。',
      'ジョブファイルを `jobs/queue/` にマージするか、デフォルトブランチの `.github/guruguru.yml` を `dispatch: app` にしてください。',
    ),
  fenceUnclosed: () =>
    '**開始していません。** コードブロックが閉じられていません。最後にバッククォート 3 つの行を足して依頼し直してください。',
  repositoryEmpty: (p) =>
    `**開始していません。** デフォルトブランチ ${code(p.branch)} にコミットがないため、ジョブ PR を作れません。README などを最初のコミットとしてプッシュしてから、依頼し直してください。`,
  fenceEmpty: () =>
    '**開始していません。** コードブロックが空です。1 行に 1 つずつコマンドを書いて依頼し直してください。',
  jobInvalid: (p) =>
    paragraphs(
      '**開始していません。** ジョブとして正しくありません。',
      list(p.errors.map((error) => neutraliseInline(error))),
      '直して依頼し直してください。毎回同じ項目は `.github/guruguru.yml` の `defaults` に書いておけます。',
    ),
  jobIdTaken: (p) =>
    `**開始していません。** ID ${code(p.id)} はすでに使われています。\`id\` を省けば空いている番号が付きます。別の番号にすることもできます。`,
  severalJobs: (p) =>
    paragraphs(
      '**どのジョブですか。** このスレッドにはジョブが複数あります。',
      jobList(p.jobs),
      `${code(`${p.command} ${p.jobs[0]?.id ?? ''}`.trim())} のように ID を付けてください。`,
    ),
  unknownJob: (p) =>
    `**何もしていません。** ジョブ ${code(p.id)} はこのリポジトリにありません。${code('/status')} で未完了のジョブを確認できます。`,
  nothingTo: (p) =>
    `**何もしていません。** このスレッドには ${code(p.command)} の対象になるジョブがありません。${code('/status')} で未完了のジョブを確認できます。`,
  pullNotAJob: (p) =>
    `**何もしていません。** ${code(p.command)} が使えるのはジョブ PR（\`jobs/queue/\` にファイルをひとつ足す PR）だけです。この PR は該当しません。`,
  commandNoPermission: (p) =>
    `**何もしていません。** ${code(p.command)} にはこのリポジトリへの書き込み権限が必要です。${code(p.login)} さんの権限は ${code(p.permission)} です。`,
  refusalsPaused: (p) => `書き込み権限のない方へは ${formatTime(p.until, p.timeZone)} まで返信しません。`,
  approveHeadMoved: (p) =>
    paragraphs(
      `**承認していません。** 最後に表示した状況より後に PR が更新され、先頭のコミットは ${code(shortSha(p.head))} になっています。`,
      `変更を確認してから ${code(`/approve ${p.head}`)} と書いてください。`,
    ),
  approveOtherCommit: (p) =>
    `**承認していません。** ${code(p.named)} はこの PR の先頭ではありません。現在の先頭は ${code(p.head)} です。`,
  approveValidationFailed: (p) =>
    paragraphs(
      '**承認していません。** ジョブファイルが検証を通っていません。',
      jaFindings(p.findings),
      `PR のブランチでファイルを直すか、${code(`${p.trigger} <変えたいこと>`)} で計画を作り直してください。`,
    ),
  approveClosed: (p) =>
    `**承認していません。** PR #${p.number} は閉じられています。開き直すか、新しい ${code(p.trigger)} でやり直してください。`,
  approveMerged: (p) => `PR #${p.number} はすでにマージされています。承認は不要です。`,
  cancelled: (p) => `キャンセルしました。${code(p.jobId)} は実行されません。`,
  cancelEnded: (p) =>
    `**何もしていません。** ${code(p.jobId)} はすでに終わっています（${JA_STATES[p.state]}）。`,
  retryStillRunning: (p) =>
    `**キューに入れていません。** ${code(p.jobId)} はまだ終わっていません（${JA_STATES[p.state]}）。終わるのを待つか、先に ${code(`/cancel ${p.jobId}`)} で止めてください。`,
  retryNeverMerged: (p) =>
    `**キューに入れていません。** ${code(p.jobId)} は承認されていないため実行できません。PR を開き直すか、新しい ${code(p.trigger)} でやり直してください。`,
  mergeBlocked: (p) =>
    paragraphs(
      `**承認済みですが、マージできません。** GitHub が PR #${p.number} のマージを拒みました。`,
      quote(p.message),
      '求められている条件（レビュー、チェック、ブランチの更新など）を満たすか、手動でマージしてください。マージされた時点でジョブがキューに入ります。',
    ),
  mergeQueued: (p) =>
    `承認しました。PR #${p.number} はマージキューにあります。マージされ次第、ジョブがキューに入ります。`,
  pullRetargeted: (p) =>
    `**保留しています。** PR #${p.number} のマージ先が ${code(p.base)} に変わりました。実行されるのは ${code(p.defaultBranch)} にあるジョブだけです。マージ先を ${code(p.defaultBranch)} に戻すと再開します。`,
  repositoryMoved: (p) =>
    `このリポジトリは ${code(p.from)} から ${code(p.to)} に移りました。進行中の依頼とジョブはそのまま続きます。ランナーのトークンはリポジトリ名に結び付いているので、新しい名前で発行し直してください。`,
  pushedNotRun: (p) =>
    paragraphs(
      `**実行していません。** ${code(`jobs/queue/${p.jobId}.json`)} は PR を通さず既定のブランチに push されたもので、誰も承認していません。`,
      `いったん取り除き、追加する PR を作ってください。設定に ${code('gate.direct_push: run')} と書けば、書き込み権限のある人の push だけで実行します。`,
    ),
  pushedAgain: (p) =>
    paragraphs(
      `**実行していません。** ジョブ ${code(p.jobId)} はすでにあり、ファイルが戻っても何も変わりません。`,
      `もう一度実行するには issue に ${code(`/retry ${p.jobId}`)} と書いてください。別のジョブには新しい id を使ってください。`,
    ),
  notAsApproved: (p) =>
    `**実行していません。** デフォルトブランチの ${code(p.jobId)} が、承認されたファイルと一致しません。新しい ID で PR を出し直してください。`,
  mergedByStranger: (p) =>
    `**実行していません。** ${code(p.jobId)} は ${code(p.login)} さんがマージしましたが、書き込み権限のある人の承認がありません。権限のある人が ${code(`/retry ${p.jobId}`)} と書けば実行します。`,
  fencedWaits: (p) => `${WAITS[p.why]}ため、承認を待っています。`,
  stuckItem: (p) =>
    paragraphs(
      `**止まっています。** ${p.attempts} 回試しましたが完了できず、自動での再試行をやめました。最後のエラー:`,
      fence(p.error),
      `原因を取り除いたら、ここに ${code('/retry')} と書いてください。止まっているものの一覧は ${code('/status')} で見られます。`,
    ),
  jobsLost: (p) =>
    paragraphs(
      '**アプリのデータベースが失われました。** 次のジョブはマージ済みですが、結果の記録がリポジトリにないため、実行されたかどうか分かりません。',
      list(p.jobs.map((job) => `${code(job.id)}${job.title ? ` ${cell(job.title, 120)}` : ''}`)),
      `自動では再実行しません。何が行われたかを確かめてから、必要なものを ${code(`/retry ${p.jobs.map(({ id }) => id).join(' ')}`)} で再実行してください。ランナーから結果が届いた場合は、その結果を採用します。`,
    ),
  unstuck: () => 'もう一度試します。',
  help: (p) =>
    paragraphs(
      `| コマンド | 動作 |\n| --- | --- |\n${[
        [`${p.trigger} <やりたいこと>`, '計画を立ててジョブ PR を開きます。ジョブ PR では計画を作り直します'],
        [
          '/goal <成り立つべきこと>',
          '許可する範囲と最初のジョブを計画します。一度承認すれば、続きのジョブは自動で進みます',
        ],
        ['/approve', 'ジョブやゴールの PR で使います。マージして、ジョブをキューに入れます'],
        ['/cancel [id]', '依頼、ジョブ、ゴールを止めます。実行中でも止められます'],
        ['/retry [id]', '終わったジョブをもう一度実行します。止まった依頼や待っているゴールも再開します'],
        ['/pause', '計画、マージ、開始を止める（実行中のジョブは続く）'],
        ['/resume', '止めたものを再開する'],
        ['/status', '待機中、実行中、停滞中のものと、稼働中のランナーを表示します'],
        ['/help', 'この表を表示します'],
      ]
        .map(([command, what]) => `| ${codeCell(command ?? '')} | ${what} |`)
        .join('\n')}`,
      `コマンドは新しいコメントの先頭の行に書いてください。書き込み権限が必要です。${code(p.trigger)} に続けて \`sh\` ブロックをひとつ書けばそのまま実行し、\`json\` ブロックをひとつ書けばジョブファイルとして受け取ります。どちらもモデルは不要です。`,
    ),
};

export function pausedBy(p: PausedWords): string {
  const since = `${formatTime(p.since, p.timeZone)} から`;
  if (p.source === 'app') return `アプリ全体が${since}一時停止しています（\`GURUGURU_PAUSED\`）。`;
  if (p.source === 'file')
    return `このリポジトリは設定（\`paused: true\`）により${since}一時停止しています。`;
  return `このリポジトリは${p.by ? ` ${code(p.by)} さんが` : ''}${since}一時停止しています。`;
}

const TEAMS_UNREADABLE =
  'アプリにチームのメンバーを読む権限がありません。組織の設定で、アプリの権限「Members: read」を承認してください。';

function needed(needs: Needs): string {
  const teams = needs.teams.map((team) => code(team)).join('、');
  const access = `このリポジトリの ${needs.permission} 権限`;
  const who = teams ? `${access}と、チーム ${teams} のいずれかへの所属` : access;
  const many = needs.count && needs.count > 1 ? `${who}のある ${needs.count} 人の承認` : who;
  return needs.own === false ? `${many}（依頼した人を除く）` : many;
}

function jaFindings(findings: readonly Finding[]): string {
  const rank = { failure: 0, warning: 1, notice: 2 };
  const sorted = findings.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
  const lines = sorted.slice(0, 10).map((finding) => {
    const place = `${code(finding.path)} ${finding.line} 行 ${finding.column} 桁`;
    const field = finding.field ? `、${code(finding.field)}` : '';
    return `${finding.severity === 'failure' ? '❌' : '⚠️'} ${place}${field}: ${neutraliseInline(finding.message)}`;
  });
  if (sorted.length > 10) lines.push(`ほか ${sorted.length - 10} 件`);
  return list(lines);
}
