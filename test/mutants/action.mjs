export default [
  {
    name: 'action-key-while-fetching',
    breaks: 'the step of the action that fetches a package sees the key for Temporal',
    file: 'action.yml',
    find: '        TEMPORAL_API_KEY: ""\n',
    replace: '',
    test: 'test/package/action.test.ts > keeps the key for Temporal from the step that fetches',
  },
  {
    name: 'action-any-sha',
    breaks: 'the action hands any text on as a sha',
    file: 'action.yml',
    find: '=~ ^[0-9a-f]{7,40}$ ]]',
    replace: '=~ ^[^-] ]]',
    test: 'test/package/action.test.ts > refuses a sha that is a command before anything is started',
  },
  {
    name: 'action-package-of-anyone',
    breaks: 'the action runs a package that anyone may publish, with the key for Temporal',
    file: 'action.yml',
    find: '    required: true\n\noutputs:',
    replace: '    default: "@canary-release-gate/canary@0.1.0"\n\noutputs:',
    test: 'test/package/action.test.ts > fetches no package unless it is named: none, for anyone may publish one under its name',
  },
];
