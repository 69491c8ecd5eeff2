import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { type Lane, moveLatestId } from '../../contract/ids.js';
import type { TagState } from '../../contract/move.js';
import { oneLine } from '../../domain/markdown.js';

/** Interval of the lines about images that are not at their target yet, in milliseconds. */
export const PROGRESS_MS = 15_000;

type Progress = TagState & { why: string };

/** Line about an image that is not at its target: what was read, and why the move goes on. */
export const progressLine = ({ repository, digest, why }: Progress): string =>
  oneLine(`${repository}:latest is at ${digest ?? 'nothing'}; the move continues: ${why}`);

/** Prints a line at most every 15 s for each image. */
export function throttledProgress(print: (line: string) => void): (progress: Progress) => void {
  const printedAt = new Map<string, number>();
  const began = Date.now();
  return (progress) => {
    if (Date.now() - (printedAt.get(progress.repository) ?? began) < PROGRESS_MS) return;
    printedAt.set(progress.repository, Date.now());
    print(progressLine(progress));
  };
}

/** Images that the running mover has not moved yet, by its last heartbeat; empty if none runs. */
export async function readMoveProgress(client: Client, lane: Lane): Promise<string[]> {
  try {
    const { raw } = await client.workflow.getHandle(moveLatestId(lane)).describe();
    const payload = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0];
    const details = payload ? defaultPayloadConverter.fromPayload<{ images?: unknown }>(payload) : {};
    return Array.isArray(details.images) ? details.images.filter(isProgress).map(progressLine) : [];
  } catch {
    return [];
  }
}

const isProgress = (value: unknown): value is Progress => {
  const { repository, why } = Object(value) as Partial<Progress>;
  return typeof repository === 'string' && typeof why === 'string';
};
