import { loadavg } from 'node:os';
import { table, writeSection } from './report.js';
import { Bed, type Measured } from './rollback-bed.js';
import { SITUATIONS } from './situations.js';

/** Time limit for the first PUT, in seconds. */
const TARGET_S = 30;

/** Measures how soon a rollback writes, in bad situations. Each has servers and a worker of its own. */
export async function benchRollback(): Promise<void> {
  const part = process.argv[3] ?? '';
  const rows: string[][] = [];
  const loads: number[] = [];
  for (const [index, [name, prepare]] of Object.entries(SITUATIONS).entries()) {
    if (!name.includes(part)) continue;
    const bed = await Bed.open(`bench-${index}`);
    try {
      await prepare(bed);
      loads.push(loadavg()[0] ?? 0);
      const measured = await bed.rollBack(...(name.includes('--direct') ? ['--direct'] : []));
      rows.push([name, seconds(measured.firstPutS), seconds(measured.endS), resultOf(measured)]);
      console.log(rows.at(-1)?.join(' | '), measured.said);
    } finally {
      await bed.close();
    }
  }
  const text =
    'Seconds from the start of the process `canary rollback` to the first PUT of its target, by the log of the registry, and to its end. ' +
    'Each situation has a Temporal dev server, a registry in memory, two tenants and a worker process of its own, with the waits that ship; one run each. ' +
    `Target: the first PUT within ${TARGET_S} s. The load of the machine was ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}.`;
  if (part === '') writeSection('rollback', [text, table(['situation', 'first PUT, s', 'end, s', 'result'], rows)]);
}

const seconds = (value: number | null) => (value === null ? 'none' : value.toFixed(1));
const resultOf = ({ code, said }: Measured) => (code === 0 ? 'rolled back' : `exit ${code}: ${said}`);
