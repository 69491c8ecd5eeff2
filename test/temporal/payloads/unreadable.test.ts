import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInput, UpdateInput } from '@temporalio/workflow';
import { describe, expect, test } from 'vitest';
import { keyLackedBy } from '../../../src/domain/payloads/encrypted.js';
import { interceptors } from '../../../workflows/shared/interceptors.js';
import { payloadConverter } from '../../../workflows/shared/payload-converter.js';

const { inbound, outbound } = interceptors();
const schedule = outbound?.[0]?.scheduleActivity;
const ask = (result: unknown) => schedule?.({} as ActivityInput, async () => result);
const bytes = (text: string) => new TextEncoder().encode(text);
const payload = (metadata: Record<string, string>) => ({
  metadata: Object.fromEntries(Object.entries(metadata).map(([name, text]) => [name, bytes(text)])),
  data: new Uint8Array(40),
});
const encrypted = payloadConverter.fromPayload(
  payload({ encoding: 'binary/encrypted', 'encryption-key-id': '2026-12\n' }),
);

/** Why a workflow task would fail, as a person reads it of its failure. */
const lacked = (call: Promise<unknown> | undefined) =>
  call?.then(
    () => 'read',
    (error: Error) => (error instanceof ApplicationFailure ? 'the run fails' : keyLackedBy(error.message)),
  );

describe('what a run needs', () => {
  test('fails the workflow task if it cannot be read, and never decides', async () => {
    expect(await lacked(ask(encrypted))).toContain('it is encrypted with key 2026-12?, and this worker cannot decrypt');
    const other = payloadConverter.fromPayload(payload({ encoding: 'binary/of-another-project' }));
    await expect(ask(other)).rejects.toThrow('this worker cannot read a payload of the run: Unknown encoding');
    expect(await lacked(ask(other))).toBeNull();
    await expect(ask(undefined)).resolves.toBeUndefined();
    await expect(ask({ undecodable: 'a field of ours', and: 'more' })).resolves.toMatchObject({ and: 'more' });
  });

  test('is also an update that a worker with the key accepted; a new one is rejected alone, with the id of the key', async () => {
    const input = { name: 'approve', args: [encrypted] } as unknown as UpdateInput;
    const { handleUpdate, validateUpdate } = inbound?.[0] ?? {};
    expect(await lacked(handleUpdate?.(input, async () => 'read'))).toContain('key 2026-12?');
    const validate = () => validateUpdate?.(input, () => undefined);
    expect(validate).toThrow(ApplicationFailure);
    expect(validate).toThrow('invalid payload: it is encrypted with key 2026-12?');
    const plain = { ...input, args: [{ by: 'ada' }] };
    await expect(handleUpdate?.(plain, async () => 'read')).resolves.toBe('read');
    expect(() => validateUpdate?.(plain, () => undefined)).not.toThrow();
  });
});
