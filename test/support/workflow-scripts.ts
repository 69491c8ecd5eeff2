/** Scripts of the steps of a GitHub Actions workflow, by the last name before each. */
export function scriptsOf(workflow: string): Map<string, string> {
  const scripts = new Map<string, string>();
  let step = '';
  let indent = -1;
  for (const line of workflow.split('\n')) {
    const at = line.search(/\S/);
    if (indent >= 0 && (at > indent || at < 0)) {
      scripts.set(step, `${scripts.get(step)}${line}\n`);
      continue;
    }
    indent = -1;
    step = /^\s*(?:- )?name: (.+)$/.exec(line)?.[1] ?? step;
    const [, before, inline = ''] = /^(\s*)(?:- )?run:(?: \|)?(.*)$/.exec(line) ?? [];
    if (before === undefined) continue;
    indent = before.length;
    scripts.set(step, `${inline}\n`);
  }
  return scripts;
}
