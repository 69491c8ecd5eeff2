import { ApplicationFailure, activityInfo, heartbeat } from '@temporalio/activity';

/** This worker lacks a secret of a tenant; another one may have it. */
export class SecretMissing extends Error {
  override readonly name = 'SecretMissing';
  constructor(tenant: string) {
    super(`this worker has no admin token for ${tenant}`);
  }
}

/** What the last beat of a try carries that lacked a secret. */
interface Lacking {
  /** Epoch, in ms. */
  lackingSince: number;
}

/** Has a step that lacks a secret tried again, on another worker perhaps, for `patienceMs`; then a human is asked. */
export async function patientForSecrets<T>(patienceMs: number, run: () => Promise<T>): Promise<T> {
  const before = activityInfo().heartbeatDetails as Partial<Lacking> | undefined;
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof SecretMissing)) throw error;
    const lackingSince = before?.lackingSince ?? Date.now();
    heartbeat({ lackingSince } satisfies Lacking);
    const nonRetryable = Date.now() - lackingSince >= patienceMs;
    throw ApplicationFailure.create({ message: error.message, type: 'SecretMissing', nonRetryable });
  }
}
