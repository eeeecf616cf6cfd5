import type { enSchedules } from './en-schedules.ts';
import { formatTime } from './format.ts';
import { cell, code, list, paragraphs } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import type { NotScheduled, ScheduleLine, ScheduleSaid } from './views.ts';

function line({ name, title, change, cron, timeZone, paused, next }: ScheduleLine): string {
  const named = `${code(name)}${title ? ` ${cell(title, 120)}` : ''}`;
  if (change === 'removed') return `${named}: 削除（今後は実行しません）`;
  const when = `${code(cron)}（${code(timeZone)}）`;
  if (paused) return `${named}: ${when}、停止中（\`paused\` を戻すまで実行しません）`;
  return `${named}: ${when}、${next === null ? 'その時刻は来ません' : `次回 ${formatTime(next, timeZone)}`}`;
}

function why(p: { why: NotScheduled; login: string; base: string; errors: readonly string[] }): string {
  switch (p.why) {
    case 'other_base':
      return `${code(p.base)} にマージされました。有効なのはデフォルトブランチだけです。`;
    case 'invalid':
      return `誤りがあります: ${p.errors.map((error) => neutraliseInline(error)).join('、')}。`;
    case 'settings':
      return 'デフォルトブランチの設定に誤りがあり、誰が承認できるのか分かりません。';
    case 'not_approved':
      return `${code(p.login)} さんがマージしましたが、承認できる人の承認がありません。`;
    case 'file_differs':
      return 'デフォルトブランチのファイルが、承認されたものと一致しません。';
    case 'dispatch_git':
      return '設定が `dispatch: git` です。スケジュールを実行するのはアプリだけです。';
  }
}

function said(p: ScheduleSaid): string {
  const at = formatTime(p.at, p.timeZone);
  switch (p.kind) {
    case 'failed':
      return `**❌ 期待どおりではありません**（${at} から）。元に戻るまで、ここには何も書きません。`;
    case 'recovered':
      return `**✅ 元に戻りました**（${at} から）。`;
    case 'flaps':
      return `**🔁 結果が安定しません**: 直近 8 回のうちに 4 回変わりました（最後は ${at}）。4 回続けて同じ結果になるまで、変化を知らせません。`;
    case 'missing':
      return `**⚠️ 結果がありません**: ${at} の分です。${p.taken ? '引き受けたランナーから連絡が途絶えました' : '引き受けるランナーがいませんでした'}。稼働中のランナーは ${code('/status')} で見られます。次に結果が出るまで、ここには何も書きません。`;
    case 'removed':
      return 'スケジュールは削除されました。ここにはもう何も書きません。';
  }
}

/** スケジュールについての言葉。 */
export const jaSchedules: typeof enSchedules = {
  scheduleLine: (p) => line(p.line),
  pullWhen: () => '実行する時刻',
  nextScheduled: () =>
    `これからは自動で実行され、結果が変わったときに専用の issue で知らせます。一覧は ${code('/status')} で見られます。`,
  statusSchedules: () => 'スケジュール',
  statusColumnsSchedules: () => '| スケジュール | タイトル | 時刻 | 結果 | 前回 | 次回 |',
  scheduleResult: (p) => {
    const words = { ok: '✅ 良好', bad: '❌ 異常', missing: '⚠️ 結果なし', flapping: '🔁 不安定' };
    if (p.result === null) return 'まだありません';
    const since =
      p.since === null || p.result === 'missing' ? '' : `（${formatTime(p.since, p.timeZone)} から）`;
    return `${words[p.result]}${since}`;
  },
  schedulePaused: () => '停止中',
  validateFiles: (p) =>
    `${p.files === 1 ? '正しいファイルです' : `${p.files} 件とも正しいファイルです`}${p.warnings === 0 ? '' : `（警告 ${p.warnings} 件）`}`,
  scheduled: (p) =>
    paragraphs(
      '**承認されました。**',
      list(p.lines.map(line)),
      `結果が変わったときだけ、専用の issue で知らせます。一覧は ${code('/status')} で見られます。変更・停止・廃止は、ファイルを PR で変えてください。`,
    ),
  notScheduled: (p) =>
    `**スケジュールしていません。** ${code(`jobs/schedules/${p.name}.json`)}: ${why(p)}このファイルによる実行は行いません。新しい PR で直し、承認を受けてください。`,
  schedulePushed: (p) =>
    paragraphs(
      `**スケジュールしていません。** ${code(`jobs/schedules/${p.name}.json`)} は PR を通さず既定のブランチに push されたもので、誰も承認していません。このファイルによる実行は行いません。`,
      `変更する PR を作るか、承認された内容に戻してください。設定に ${code('gate.direct_push: run')} と書けば、承認できる人の push だけで有効になります。`,
    ),
  scheduleSaid: (p) => said(p),
};
