import { setTimeout as delay } from 'node:timers/promises';
import { type Client, isGrpcDeadlineError, isGrpcServiceError } from '@temporalio/client';

/** No answer in time. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** Ends a wait after `ms` milliseconds: between two attempts, the SDK does not heed its deadline.
 * @throws {NoAnswer} */
export async function inTime<T>(ms: number, answer: Promise<T>): Promise<T> {
  const late = () => new NoAnswer(`no answer within ${ms / 1_000} s`);
  const given = new AbortController();
  const wait = delay(ms, undefined, { signal: given.signal }).then(() => {
    throw late();
  });
  try {
    return await Promise.race([answer, wait]);
  } catch (error) {
    throw isGrpcDeadlineError(grpcOf(error)) ? late() : error;
  } finally {
    given.abort();
    for (const one of [wait, answer]) one.catch(() => undefined);
  }
}

/** What is read within `ms` milliseconds.
 * @throws {NoAnswer} */
export const withinTime = <T>(client: Client, ms: number, read: () => Promise<T>): Promise<T> =>
  inTime(ms, client.withDeadline(Date.now() + ms, read));

/** Longest time of what a person waits for, in milliseconds, also if a part of the server is silent that all of it needs. */
const PROMPT_MS = 5_000;

/** What a person waits for.
 * @throws {NoAnswer} */
export const promptly = <T>(client: Client, read: () => Promise<T>): Promise<T> => withinTime(client, PROMPT_MS, read);

/** Why a part of the server could not be asked, on one line. */
export function whyNot(error: unknown): string {
  const grpc = grpcOf(error);
  return isGrpcServiceError(grpc) ? grpc.details || grpc.message : String((error as Error).message);
}

/** The SDK wraps some errors of a call. */
const grpcOf = (error: unknown): unknown => (isGrpcServiceError(error) ? error : Object(error).cause);
