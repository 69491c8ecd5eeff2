/** Command that is typed, before the program is loaded: the first argument that is no option. Of the options before it, `--gate` takes a value. */
export const commandOf = (args: readonly string[]): string | undefined =>
  args.find((one, at) => !one.startsWith('-') && args[at - 1] !== '--gate');
