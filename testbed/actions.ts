/** Actions by type, such as `grpc_QueryWorkflow` or `command_StartTimer`. */
export type Actions = Map<string, number>;

/**
 * Reads the Actions of the namespace `default` so far, as Temporal Cloud bills them, by the server's own counter `action`
 * (docs.temporal.io/cloud/migrate/estimate-actions). Cloud also bills two for each run that a Schedule starts.
 */
export async function actions(metricsUrl: string): Promise<Actions> {
  const found: Actions = new Map();
  for (const line of (await (await fetch(metricsUrl)).text()).split('\n')) {
    const [, labels = '', value = ''] = /^action\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (!labels.includes('namespace="default"')) continue;
    const [, type = ''] = /action_type="([^"]*)"/.exec(labels) ?? [];
    found.set(type, (found.get(type) ?? 0) + Number(value));
  }
  return found;
}

/** Actions of `now` that are not in `before`. */
export const actionsSince = (now: Actions, before: Actions): Actions =>
  new Map(
    [...now].map(([type, count]) => [type, count - (before.get(type) ?? 0)] as const).filter(([, count]) => count > 0),
  );

/** Number of all Actions. */
export const totalOf = (all: Actions): number => [...all.values()].reduce((sum, count) => sum + count, 0);
