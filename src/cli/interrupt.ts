/** Exit code of each signal that ends a command, as a shell gives it. `SIGPIPE` stands for an output that no one reads any more. */
export const INTERRUPTS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGPIPE: 141 } as const;

/** Reason of an `Io`'s signal: what asked the command to end. */
export class Interrupted extends Error {
  override readonly name = 'AbortError';
  constructor(readonly by: keyof typeof INTERRUPTS) {
    super(`ended by ${by}`);
  }
}

/** Exit code of a command whose signal is aborted. */
export const interruptCode = ({ reason }: AbortSignal): number =>
  INTERRUPTS[reason instanceof Interrupted ? reason.by : 'SIGINT'];
