import { printable, printableCommand } from '../domain/printable.js';
import type { Io, Terminal } from './command.js';

/** The only way of a command to a screen: each line is made printable, and `command` is the one path of GitHub's workflow commands. */
export function safeIo(terminal: Terminal): Io {
  const { ask } = terminal;
  return {
    ...terminal,
    out: (line) => terminal.out(printable(line)),
    err: (line) => terminal.err(printable(line)),
    command: (line) => terminal.err(printableCommand(line)),
    ...(ask && { ask: (question) => ask(printable(question)) }),
  };
}

/** Prints a text of several lines, as each of them: a line break inside a line is shown as an escape. */
export function printLines(print: (line: string) => void, text: string): void {
  for (const line of text.trimEnd().split('\n')) print(line);
}
