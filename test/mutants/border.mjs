export default [
  {
    name: 'border-signal-breaks-a-run',
    breaks: 'a signal that cannot be read fails the run',
    file: 'workflows/shared/handlers.ts',
    find: '    dropped(error);\n',
    replace: '    throw error;\n',
    test: 'test/attacks/messages.test.ts > break no release: it answers, is aborted, and ends',
  },
  {
    name: 'border-why-unchecked',
    breaks: 'a number as the answer of a tenant is taken for its text',
    file: 'src/domain/payloads/seen.ts',
    find: "  if (why !== undefined && typeof why !== 'string') return null;\n",
    replace: '',
    test: 'test/domain/seen.test.ts > what a watch over the canaries saw is dropped with a number for why',
  },
  {
    name: 'border-any-id',
    breaks: 'a mover under an id of its own runs beside the one that writes',
    file: 'workflows/shared/own-lane.ts',
    find: 'own !== id',
    replace: 'false',
    test: 'test/attacks/messages.test.ts > a run that was started under an id of another kind ends ReleaseLane as attack-messages-rollback-4c1d56e',
  },
];
