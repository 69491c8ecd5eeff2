import type { ActivityInput } from '@temporalio/workflow';
import { expect, test } from 'vitest';
import { interceptors } from '../../../workflows/shared/interceptors.js';
import { payloadConverter } from '../../../workflows/shared/payload-converter.js';

const schedule = interceptors().outbound?.[0]?.scheduleActivity;
const ask = (result: unknown) => schedule?.({} as ActivityInput, async () => result);
const encrypted = { metadata: { encoding: new TextEncoder().encode('binary/encrypted') }, data: new Uint8Array(40) };

test('a result of an activity that cannot be read fails the workflow task, and never decides', async () => {
  const marker = payloadConverter.fromPayload(encrypted);
  await expect(ask(marker)).rejects.toThrow('this worker cannot read a payload of the run: Unknown encoding');
  await expect(ask(undefined)).resolves.toBeUndefined();
  await expect(ask({ undecodable: 'a field of ours', and: 'more' })).resolves.toMatchObject({ and: 'more' });
});
