/** Files a machine wrote: long, and rarely what a diff is about. */
const GENERATED =
  /(^|\/)(package-lock\.json|pnpm-lock\.yaml|npm-shrinkwrap\.json|[^/]+\.lock|go\.sum|[^/]+\.(min\.js|min\.css|map|snap|svg))$/;

/** A unified diff with the files a machine wrote at its end, where clipping takes them first. */
export function importantFirst(diff: string): string {
  const files = diff.split(/^(?=diff --git )/m);
  const generated = files.filter((file) => GENERATED.test(pathOf(file)));
  if (generated.length === 0) return diff;
  return [...files.filter((file) => !generated.includes(file)), ...generated].join('');
}

function pathOf(file: string): string {
  const end = file.indexOf('\n');
  return file.slice(0, end < 0 ? undefined : end).trim();
}
