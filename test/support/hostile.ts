import type { Client, WorkflowHandle } from '@temporalio/client';
import fc from 'fast-check';

/** Texts that break what takes a payload for what it should be. */
const TEXTS = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '__proto__',
  'toString',
  '1e999',
  '+275760-09-13T00:00:00Z',
  'x'.repeat(9_999),
];
const NUMBERS = [0, -1, 1e300, -1e300, 5e-324, Number.MAX_SAFE_INTEGER, 8.64e15];

/** Any JSON value, and above all those that code trips over. */
const values: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(...TEXTS, ...NUMBERS, null, true, [], {}, { toString: 1, valueOf: 1 }, [[[[[]]]]]),
);

/** Messages of which up to three fields, at any depth, are something else: what a parser that looks at most fields lets through. */
const almost = (valid: object): fc.Arbitrary<unknown> =>
  fc.array(fc.tuple(fc.nat(), values), { minLength: 1, maxLength: 3 }).map((changes) =>
    changes.reduce<unknown>((message, [at, value]) => {
      const paths = pathsOf(message);
      return withPath(message, paths[at % paths.length] ?? [], value);
    }, valid),
  );

/** As many hostile messages as wanted, always the same for a seed. */
export function hostileMessages(valid: object[], count: number, seed: number): unknown[] {
  return fc.sample(fc.oneof(values, ...valid.map(almost)), { numRuns: count, seed });
}

function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, one]) => pathsOf(one, [...path, key]))];
}

function withPath(value: unknown, [key, ...rest]: string[], other: unknown): unknown {
  if (key === undefined) return other;
  const copy = structuredClone(value) as Record<string, unknown>;
  Object.defineProperty(copy, key, { value: withPath(copy[key], rest, other), enumerable: true, writable: true });
  return copy;
}

/** Names of the signals and updates that a run lists in its metadata. */
export async function listedMessages(handle: WorkflowHandle): Promise<{ signals: string[]; updates: string[] }> {
  interface Metadata {
    definition: Record<'signalDefinitions' | 'updateDefinitions', { name?: string | null }[] | undefined>;
  }
  const { definition } = await handle.query<Metadata>('__temporal_workflow_metadata');
  const names = (list: { name?: string | null }[] = []) => list.flatMap(({ name }) => name ?? []);
  return { signals: names(definition.signalDefinitions), updates: names(definition.updateDefinitions) };
}

/** Payloads that no converter reads. */
const UNDECODABLE = [
  { encoding: 'json/plain', data: '{broken' },
  { encoding: 'binary/foreign', data: 'x' },
  { encoding: 'json/protobuf', data: '{}' },
  { encoding: '', data: '' },
];

/** Sends a signal with each payload that cannot be decoded, one without a payload, and one with two. */
export async function signalUndecodable(client: Client, { workflowId }: WorkflowHandle, signalName: string) {
  const payloads = UNDECODABLE.map(({ encoding, data }) => ({
    metadata: { encoding: Buffer.from(encoding) },
    data: Buffer.from(data),
  }));
  for (const input of [...payloads.map((one) => [one]), [], payloads])
    await client.workflowService.signalWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId },
      signalName,
      input: { payloads: input },
    });
}
